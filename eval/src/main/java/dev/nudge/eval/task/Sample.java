package dev.nudge.eval.task;

import java.util.ArrayList;
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
    List<TaskRequest> requests) {
  /// The place of what is no choice: the harness's own.
  public static final int NO_CHOICE = -100;

  public Sample {
    choices = List.copyOf(choices);
    requests = List.copyOf(requests);
  }

  /// The places that are right, one at least, [#NO_CHOICE] where a target is none of the choices. A
  /// number below 0 is given as it stands: no choice that is taken has it.
  public List<Integer> goldPlaces() {
    List<Integer> places = new ArrayList<>();
    for (JsonNode one : gold.isArray() ? gold : List.of(gold)) {
      places.add(ChoicePlace.named(one, choices));
    }
    return places.isEmpty() ? List.of(NO_CHOICE) : List.copyOf(places);
  }

  /// The place of the one choice that is right; −1: there is none, or several are.
  public int goldPlace() {
    List<Integer> right = goldPlaces().stream().filter(at -> at >= 0).distinct().toList();
    return right.size() == 1 ? right.getFirst() : -1;
  }

  /// The place of the choice that the target looks up, from the end where it is below 0; −1: none.
  public int targetPlace() {
    return ChoicePlace.lookedUp(target, choices.size());
  }
}
