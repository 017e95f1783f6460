"""Settings of answers and of the model that words them."""

from pydantic import BaseModel, Field, SecretStr


class AnsweringSettings(BaseModel):
    openai_base_url: str = ""
    openai_api_key: SecretStr = SecretStr("")
    openai_model: str = ""
    openai_embedding_model: str = ""
    embedding_batch: int = Field(32, ge=1)
    """Passages sent to the embedder at a time."""
    embedding_batch_seconds: float = Field(60.0, gt=0)
    embedding_query_seconds: float = Field(2.0, gt=0)
    """The longest wait for the vector of a question; then it is looked for by words alone."""
    embedding_compare_seconds: float = Field(2.0, gt=0)
    """The longest that vectors are compared for one question; then it is looked for by words alone."""
    fusion_candidates: int = Field(32, ge=1)
    """Passages by words, and as many by meaning, that are joined or reranked."""
    rerank_base_url: str = ""
    rerank_api_key: SecretStr = SecretStr("")
    rerank_model: str = ""
    rerank_timeout_seconds: float = Field(2.0, gt=0)
    rerank_passages: int = Field(32, ge=1)
    """Passages that the reranker is handed, at most."""
    stream_keep_alive_seconds: float = Field(default=15.0, gt=0)
    """Silence of a stream after which a comment is sent, so that nothing between closes it."""
    model_idle_timeout_seconds: float = Field(20.0, gt=0)
    model_total_timeout_seconds: float = Field(180.0, gt=0)
    """Of one reply; below ``reservation_seconds``, so that it can still be settled."""
    model_max_output_tokens: int = Field(1024, ge=1)
    answer_passages: int = Field(8, ge=1)
    question_max_characters: int = Field(2000, ge=1)
    extract_max_sentences: int = Field(3, ge=1)
    models_listed_max: int = Field(1000, ge=1)
    """Knowledge bases that AI clients are shown as models at once."""
    demand_min_readers: int = Field(3, ge=2)
    """Different readers who must have asked alike before a creator is shown what was refused."""
    demand_days: int = Field(90, ge=1)
    demand_max_questions: int = Field(5000, ge=1)
    """Refused questions gathered at once, the newest."""
