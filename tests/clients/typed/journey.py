"""A developer's way, from an account to the first passage, by the client generated from the OpenAPI document.

Run by an interpreter of its own, beside the package ``zhihao_client``; prints what came back as JSON.
"""

import json
import sys
import time
import uuid
from io import BytesIO
from typing import TypeVar

from zhihao_client import AuthenticatedClient, Client
from zhihao_client.api.accounts import accounts_register
from zhihao_client.api.creators import (
    creator_documents_add,
    creator_documents_read,
    creator_knowledge_bases_create,
    creator_knowledge_bases_publish,
    creator_profile_put_profile,
)
from zhihao_client.api.organizations import (
    enterprise_contract_post_contract,
    enterprise_keys_create_key,
    enterprise_organizations_create_organization,
    enterprise_usage_chart_get_usage_chart,
)
from zhihao_client.api.programs import passages_search
from zhihao_client.models import (
    ContractCheckout,
    DocumentFact,
    DocumentForm,
    Found,
    KeySecret,
    KnowledgeBaseBody,
    KnowledgeBaseFact,
    NewKey,
    NewKeyScopesItem,
    NewOrganization,
    Organization,
    PassagesBody,
    ProblemDetails,
    ProfileBody,
    PublishBody,
    Registration,
    SignIn,
)
from zhihao_client.types import File

TEXT = b"# Roses\n\nFeed roses with potash in spring, before the first buds open.\n"
SECONDS = 30
T = TypeVar("T")


def sure(kind: type[T], got: object) -> T:
    """What came back, if it is of that type."""
    assert isinstance(got, kind), got
    return got


def main(url: str) -> None:
    nobody = Client(base_url=url)
    name = uuid.uuid4().hex
    body = Registration(email=f"{name}@example.com", password="correct horse battery", display_name="Lin")
    token = sure(SignIn, accounts_register.sync(client=nobody, body=body)).access_token
    taken = sure(ProblemDetails, accounts_register.sync(client=nobody, body=body))
    person = AuthenticatedClient(base_url=url, token=token)

    profile = ProfileBody(handle=f"h{name[:20]}", name="Lin")
    creator_profile_put_profile.sync(client=person, body=profile)
    about = KnowledgeBaseBody(title="Roses", language="en", summary="About roses", category="garden")
    base = sure(KnowledgeBaseFact, creator_knowledge_bases_create.sync(client=person, body=about))
    form = DocumentForm(file=File(payload=BytesIO(TEXT), file_name="roses.md", mime_type="text/markdown"))
    document = sure(DocumentFact, creator_documents_add.sync(base.id, client=person, body=form))
    until = time.monotonic() + SECONDS
    while document.status != "ready" and time.monotonic() < until:
        time.sleep(0.2)
        read = creator_documents_read.sync(base.id, document.id, client=person)
        document = sure(DocumentFact, read)
    publish = PublishBody(rights_declared=True)
    published = creator_knowledge_bases_publish.sync(base.id, client=person, body=publish)

    founding = NewOrganization(name="Wu Analytics")
    organization = sure(
        Organization, enterprise_organizations_create_organization.sync(client=person, body=founding)
    )
    checkout = enterprise_contract_post_contract.sync(organization.id, client=person)
    pay = sure(ContractCheckout, checkout).checkout_url
    nobody.get_httpx_client().post(pay, data={"card": "4242424242424242"})
    scopes = [NewKeyScopesItem.PASSAGESREAD]
    wanted = NewKey(name="agent", scopes=scopes, rate_limit=600)
    key = sure(KeySecret, enterprise_keys_create_key.sync(organization.id, client=person, body=wanted))

    program = AuthenticatedClient(base_url=url, token=key.secret)
    query = PassagesBody(query="when to feed roses", knowledge_base_ids=[base.id], top_k=3)
    answer = passages_search.sync_detailed(client=program, body=query)
    while answer.status_code == 402 and time.monotonic() < until:
        time.sleep(0.2)
        answer = passages_search.sync_detailed(client=program, body=query)
    passage = sure(Found, answer.parsed).passages[0]
    chart = enterprise_usage_chart_get_usage_chart.sync_detailed(organization.id, client=person)
    told = {
        "taken": taken.code,
        "published": sure(KnowledgeBaseFact, published).status,
        "text": passage.text,
        "title": passage.title,
        "billed": answer.headers["Zhihao-Billed-Units"],
        "rate limit": answer.headers["RateLimit"],
        "chart": chart.content[:5].decode(),
    }
    print(json.dumps(told))


main(sys.argv[1])
