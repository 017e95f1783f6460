import io
import tarfile

from service.demo import corpus


def test_a_module_becomes_a_document_of_its_docstrings() -> None:
    page = corpus.page("heapq")
    assert page is not None
    assert page.file_name == "heapq.md"
    assert page.text.startswith("# heapq\n")
    assert "## heapq.heappush" in page.text
    assert "Push item onto heap, maintaining the heap invariant." in page.text


def test_a_module_this_python_does_not_have_is_left_out() -> None:
    assert corpus.page("no_such_module_anywhere") is None


def test_the_archive_holds_every_page_under_its_name() -> None:
    pages = [page for name in ("json", "csv") if (page := corpus.page(name))]
    with tarfile.open(fileobj=io.BytesIO(corpus.pack(pages)), mode="r:gz") as archive:
        names = archive.getnames()
        held = archive.extractfile(names[0])
        assert held is not None
        assert held.read().decode() == pages[0].text
    assert [name.rpartition("/")[2] for name in names] == ["json.md", "csv.md"]


def test_there_are_enough_modules_for_a_course() -> None:
    assert len(corpus.ARCHIVED) == len(set(corpus.ARCHIVED)) >= 80
    assert not set(corpus.ARCHIVED) & set(corpus.SINGLY)
