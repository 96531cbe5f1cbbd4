package dev.nudge.eval.task;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// A document with its requests.
///
/// @param id index in the split
/// @param target the answer: a text, a choice index, or a list of either
/// @param gold the target, or the index of the right context if choices are contexts
/// @param choices texts of the choices; may be empty
public record Sample(
    int id,
    JsonNode doc,
    JsonNode target,
    JsonNode gold,
    List<String> choices,
    List<TaskRequest> requests) {
  /// The harness's value for a target that is not a choice.
  public static final int NO_CHOICE = -100;

  public Sample {
    choices = List.copyOf(choices);
    requests = List.copyOf(requests);
  }

  /// Returns the indices of the right choices, at least one; [#NO_CHOICE] for a target that is not
  /// a choice. A negative index stays as it is and matches no choice.
  public List<Integer> goldPlaces() {
    List<Integer> places = new ArrayList<>();
    for (JsonNode one : gold.isArray() ? gold : List.of(gold)) {
      places.add(ChoicePlace.named(one, choices));
    }
    return places.isEmpty() ? List.of(NO_CHOICE) : List.copyOf(places);
  }

  /// Returns the index of the single right choice; −1 if there is none, or several.
  public int goldPlace() {
    List<Integer> right = goldPlaces().stream().filter(at -> at >= 0).distinct().toList();
    return right.size() == 1 ? right.getFirst() : -1;
  }

  /// The index that the target has in a Python list look-up, negative from the end; −1 if none.
  public int targetPlace() {
    return ChoicePlace.lookedUp(target, choices.size());
  }
}
