"""One question asked by LangChain's client and by LlamaIndex's; prints what came back as JSON.

Run by an interpreter of its own: both need an older ``openai`` than the service has.
"""

import json
import sys

from langchain_openai import ChatOpenAI
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike


def main(base_url: str, key: str, model: str, question: str) -> None:
    told: dict[str, object] = {}
    for name, responses in (("langchain chat", False), ("langchain responses", True)):
        chain = ChatOpenAI(
            model=model, base_url=base_url, api_key=key, max_retries=0, use_responses_api=responses
        )
        answer = chain.invoke([("system", "Be brief."), ("human", question)])
        told[name] = answer.text
        told[f"{name} tokens"] = answer.usage_metadata["total_tokens"]
        told[f"{name} streamed"] = "".join(chunk.text for chunk in chain.stream(question))
    index = OpenAILike(model=model, api_base=base_url, api_key=key, is_chat_model=True, max_retries=0)
    told["llamaindex"] = index.chat([ChatMessage(role="user", content=question)]).message.content
    pieces = index.stream_chat([ChatMessage(role="user", content=question)])
    told["llamaindex streamed"] = "".join(piece.delta or "" for piece in pieces)
    print(json.dumps(told))


main(*sys.argv[1:])
