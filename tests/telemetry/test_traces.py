"""Traces have one span for each step and each request, without any value of a record."""

from __future__ import annotations

import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connector.telemetry.traces import Tracing


def test_a_step_encloses_the_answers_within() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    tracing = Tracing()
    with tracing.span("poll"):
        tracing.add_request_span("search", 200, 0.25)
    answer, step = exporter.get_finished_spans()
    assert (step.name, answer.name) == ("connector.poll", "hubspot.search")
    assert answer.parent
    assert step.context
    assert answer.parent.span_id == step.context.span_id
    assert answer.attributes == {"http.response.status_code": 200, "hubspot.route": "search"}
    assert (answer.end_time or 0) - (answer.start_time or 0) == 250_000_000


def test_without_opentelemetry_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    tracing = Tracing()
    with tracing.span("poll"):
        tracing.add_request_span("search", 200, 0.25)
