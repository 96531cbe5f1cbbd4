package dev.nudge.eval.task;

import java.util.List;
import tools.jackson.databind.JsonNode;

/// A document and what is asked about it.
///
/// @param id its place in the split
/// @param target its answer: a text, the place of a choice, or a list of either
/// @param gold what is right: the target, or where choices are questions the place of one
/// @param choices empty: it has none
public record Sample(
    int id,
    JsonNode doc,
    JsonNode target,
    JsonNode gold,
    List<String> choices,
    List<Request> requests) {
  public Sample {
    choices = List.copyOf(choices);
    requests = List.copyOf(requests);
  }
}
