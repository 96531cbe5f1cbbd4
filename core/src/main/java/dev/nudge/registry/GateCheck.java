package dev.nudge.registry;

import dev.nudge.adapter.PeftAdapter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Says whether the verdict of a gate, as `gate.json` has it, is a PASS on a version.
///
/// It is where it passes, judged the very files of the version on the base that it was trained on,
/// and by the policy that is asked for. A version never changes, so neither does the answer;
/// another adapter, another base or another policy make a verdict say nothing of it.
///
/// An alias that goes from one version with a verdict to another has to go by the same questions:
/// the tasks and documents of the verdict before, or the two say nothing beside each other.
public final class GateCheck {
  /// The name of the file.
  public static final String FILE = "gate.json";

  private static final int FORMAT = 1;

  private GateCheck() {}

  /// Why a verdict does not let a version pass; empty: it does.
  ///
  /// @param files digests of the version's files by name
  /// @param bases digests of the base that the version was trained on; empty: not known
  /// @param gate what the file says
  /// @param policy digest of the policy that has to be the gate's; null: any
  public static List<String> against(
      Map<String, String> files, List<String> bases, JsonNode gate, @Nullable String policy) {
    if (gate.path("nudge_gate").asInt(0) != FORMAT) {
      return List.of("its " + FILE + " is no verdict that this nudge reads");
    }
    List<String> reasons = new ArrayList<>();
    String verdict = gate.path("verdict").asString("");
    if (!verdict.equals("pass")) {
      reasons.add("its verdict is " + shown(verdict));
    }
    JsonNode digests = gate.path("digests");
    String limit = digests.path("settings").path("limit").asString("");
    if (!limit.isEmpty()) {
      reasons.add("only the first %s documents of each task were asked".formatted(limit));
    }
    for (String name : PeftAdapter.FILES) {
      String judged = digests.path("adapter").path(name).asString("");
      if (judged.isEmpty() || !judged.equals(files.get(name))) {
        reasons.add("another " + name + " was judged");
      }
    }
    if (!bases.isEmpty() && !bases.contains(digests.path("base").asString(""))) {
      reasons.add("another base was judged");
    }
    if (policy != null && !policy.equals(digests.path("policy").asString(""))) {
      reasons.add("another policy was judged");
    }
    return reasons;
  }

  /// What the verdict on a version was asked otherwise than the verdict before it; empty: nothing,
  /// or there is no verdict before. Tasks that came anew do not count.
  ///
  /// @param before the version that the alias is at
  /// @param then the verdict on it; missing: there is none
  /// @param now the verdict on the next one; missing likewise
  static List<String> otherQuestions(String before, JsonNode then, JsonNode now) {
    List<String> reasons = new ArrayList<>();
    if (now.isMissingNode()) {
      return reasons;
    }
    JsonNode asked = now.path("digests");
    for (Map.Entry<String, JsonNode> task : then.path("digests").path("tasks").properties()) {
      String name = task.getKey();
      JsonNode documents = then.path("digests").path("data").path(name);
      if (!asked.path("tasks").has(name)) {
        reasons.add("%s was not asked, as it was for %s".formatted(name, before));
      } else if (!asked.path("tasks").path(name).equals(task.getValue())) {
        reasons.add("the task file of %s is another than for %s".formatted(name, before));
      } else if (!asked.path("data").path(name).equals(documents)) {
        reasons.add("the documents of %s are others than for %s".formatted(name, before));
      }
    }
    return reasons;
  }

  private static String shown(String verdict) {
    return switch (verdict) {
      case "fail", "inconclusive" -> verdict.toUpperCase(java.util.Locale.ROOT);
      default -> "none";
    };
  }
}
