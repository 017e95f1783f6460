"""What else one would find paragraphs with, each as it is usually written: jieba and bm25s, PostgreSQL's
full text search over jieba's words, tantivy with words and with one and two characters at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import bm25s
import jieba
import psycopg
import tantivy

TOP = 10

Ask = Callable[[str], list[int]]
"""The places of the best ten texts, best first."""


jieba.setLogLevel("WARNING")


def words(text: str) -> list[str]:
    """Without punctuation, of which jieba makes words as well."""
    return [word for word in jieba.cut_for_search(text.lower()) if any(map(str.isalnum, word))]


def bm25(texts: Sequence[str]) -> Ask:
    index = bm25s.BM25(k1=0.9, b=0.4)  # better for it than its own 1.5 and 0.75
    index.index([words(text) for text in texts], show_progress=False)

    def ask(question: str) -> list[int]:
        found, scores = index.retrieve([words(question)], k=TOP, show_progress=False, n_threads=0)
        return [int(place) for place, score in zip(found[0], scores[0], strict=True) if score > 0]

    return ask


_RANKED = """
    WITH asked AS (
      SELECT string_agg(quote_literal(lexeme), ' | ')::tsquery AS query
      FROM unnest(to_tsvector(%(config)s::regconfig, %(question)s))
    )
    SELECT place FROM texts, asked WHERE vector @@ query
    ORDER BY ts_rank(vector, query, 1) DESC, place LIMIT %(top)s
"""


@contextmanager
def full_text(url: str, texts: Sequence[str], *, english: bool) -> Iterator[Ask]:
    """``ts_rank`` over any of the words, less for longer texts (the best of its norms); English by its own
    stemmer."""
    config = "english" if english else "simple"

    def written(text: str) -> str:
        return text if english else " ".join(words(text))

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS texts")
        connection.execute("CREATE TABLE texts (place int PRIMARY KEY, vector tsvector NOT NULL)")
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO texts VALUES (%s, to_tsvector(%s::regconfig, %s))",
                [(place, config, written(text)) for place, text in enumerate(texts)],
            )
        connection.execute("CREATE INDEX ON texts USING gin (vector)")
        connection.execute("ANALYZE texts")

        def ask(question: str) -> list[int]:
            values = {"config": config, "question": written(question), "top": TOP}
            return [place for (place,) in connection.execute(_RANKED, values)]

        yield ask


def raw_tantivy(texts: Sequence[str], *, grams: bool) -> Ask:
    """BM25 of tantivy's own over any of the tokens: words in lower case, or one and two characters."""
    tokenizer = tantivy.Tokenizer.ngram(1, 2) if grams else tantivy.Tokenizer.simple()
    analyzer = tantivy.TextAnalyzerBuilder(tokenizer).filter(tantivy.Filter.lowercase()).build()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", tokenizer_name="peer")
    builder.add_integer_field("place", stored=True)
    schema = builder.build()
    index = tantivy.Index(schema)
    index.register_tokenizer("peer", analyzer)
    writer = index.writer(50_000_000, 1)
    for place, text in enumerate(texts):
        document = tantivy.Document()
        document.add_text("body", text)
        document.add_integer("place", place)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()

    def ask(question: str) -> list[int]:
        tokens = dict.fromkeys(analyzer.analyze(question))
        any_of = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "body", token)) for token in tokens]
        searcher = index.searcher()
        hits = searcher.search(tantivy.Query.boolean_query(any_of), TOP).hits
        return [int(searcher.doc(address)["place"][0]) for _, address in hits]

    return ask
