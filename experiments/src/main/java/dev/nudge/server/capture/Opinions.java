package dev.nudge.server.capture;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The feedback in a capture folder, and the answers that it refers to.
///
/// @param said latest feedback of each kind, by choice of an answer
/// @param answers answers with feedback, by id
/// @param captured number of all answers
/// @param torn number of lines that cannot be read
record Opinions(
    Map<Choice, ChoiceFeedback> said, Map<String, JsonNode> answers, int captured, int torn) {

  /// A choice of an answer.
  record Choice(String id, int index) {}

  /// The feedback on a choice.
  ///
  /// @param regenerationOf id of the answer that this one replaced
  record ChoiceFeedback(
      @Nullable Double score, @Nullable JsonNode correction, @Nullable String regenerationOf) {
    static final ChoiceFeedback NOTHING = new ChoiceFeedback(null, null, null);

    private ChoiceFeedback then(JsonNode line) {
      return new ChoiceFeedback(
          line.path("score").isNumber() ? (Double) line.get("score").doubleValue() : score,
          line.hasNonNull("correction") ? line.get("correction") : correction,
          line.path("regeneration_of").isString()
              ? line.get("regeneration_of").stringValue()
              : regenerationOf);
    }
  }

  /// Reads a folder.
  static Opinions read(FeedbackSettings settings) {
    List<Path> files = CaptureReader.files(settings.folder());
    Map<Choice, ChoiceFeedback> said = new LinkedHashMap<>();
    Set<String> named = new HashSet<>();
    int torn = 0;
    for (Path file : files) {
      if (isWanted(settings, file)) {
        torn += CaptureReader.read(file, line -> hear(line, said));
      }
    }
    said.forEach(
        (choice, one) -> {
          named.add(choice.id);
          if (one.regenerationOf != null) {
            named.add(one.regenerationOf);
          }
        });
    Map<String, JsonNode> answers = new HashMap<>();
    int[] captured = {0};
    for (Path file : files) {
      boolean wanted = isWanted(settings, file);
      CaptureReader.read(
          file,
          line -> {
            String id = line.path("id").asString("");
            if (!line.path("kind").asString("").equals(CapturedAnswer.KIND)) {
              return;
            }
            captured[0] += wanted ? 1 : 0;
            if (named.contains(id)) {
              answers.put(id, line);
            }
          });
    }
    return new Opinions(said, answers, captured[0], torn);
  }

  private static void hear(JsonNode line, Map<Choice, ChoiceFeedback> said) {
    if (line.path("kind").asString("").equals(Opinion.KIND)) {
      Choice choice = new Choice(line.path("id").asString(""), line.path("choice").asInt(0));
      said.put(choice, said.getOrDefault(choice, ChoiceFeedback.NOTHING).then(line));
    }
  }

  /// Whether a file belongs to a selected client and adapter, which name its folders.
  private static boolean isWanted(FeedbackSettings settings, Path file) {
    Path adapter = Objects.requireNonNull(file.getParent()); // ROOT/CLIENT/ADAPTER/DAY.jsonl
    return isOne(settings.adapter(), adapter)
        && isOne(settings.client(), Objects.requireNonNull(adapter.getParent()));
  }

  private static boolean isOne(List<String> names, Path folder) {
    String name = folder.getFileName().toString();
    return names.isEmpty() || names.stream().anyMatch(n -> CaptureFiles.safe(n).equals(name));
  }
}
