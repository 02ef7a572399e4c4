"""The web API, as OpenAI's clients use it: what a request may hold, answers, errors."""
