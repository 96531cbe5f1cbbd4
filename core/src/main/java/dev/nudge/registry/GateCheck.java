package dev.nudge.registry;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Checks whether the verdict of a gate (`gate.json`) lets a version pass.
///
/// It does if the verdict is PASS and the gate judged the version's own files with its tokenizer
/// and template on its base, checked for leaks against its training rows, and used the required
/// policy. Versions never change, so the answer does not either. Unknown facts of a version are not
/// compared.
///
/// An alias may move from one judged version to another only if the two verdicts are comparable:
/// the new gate ran the old gate's tasks and documents on the same base with the same settings.
///
/// It reads digests and no metric, so a registry need not know evaluation. A rollback needs no
/// verdict: it replaces a version that passed but does harm.
public final class GateCheck {
  /// The name of the file.
  public static final String FILE = "gate.json";

  private static final int FORMAT = 1;
  private static final String LEAKS = "leakage"; // the kind of a rule
  private static final String RELEASE = "release"; // of lineage and verdict
  private static final String TOKENIZER = "tokenizer.json";
  private static final String TEMPLATE = "chat_template"; // of a verdict and a tokenizer's config

  private GateCheck() {}

  /// The known facts of a version.
  ///
  /// @param files digests of its files by name
  /// @param tokenizerConfig its `tokenizer_config.json`; missing node: none
  /// @param lineage its `lineage.json`; missing node: none
  public record Known(Map<String, String> files, JsonNode tokenizerConfig, JsonNode lineage) {
    public Known {
      files = Map.copyOf(files);
    }

    /// The digest of its own tokenizer, else of its training tokenizer; empty: unknown.
    private String tokenizer() {
      return files.getOrDefault(TOKENIZER, lineage.path("tokenizer").asString(""));
    }

    /// The digest of its own chat template; null: it has none.
    private @Nullable String template() {
      String file = files.get(TEMPLATE + ".jinja");
      if (file != null) {
        return file;
      }
      JsonNode text = tokenizerConfig.path(TEMPLATE);
      for (JsonNode named : tokenizerConfig.path(TEMPLATE)) {
        if (named.path("name").asString("").equals("default")) {
          text = named.path("template");
        }
      }
      return text.isString()
          ? Sha256.of(text.stringValue().getBytes(StandardCharsets.UTF_8))
          : null;
    }

    /// The digest of an adapter's file: its own, or the one that was merged into the release.
    private String adapter(String name) {
      return files.getOrDefault(name, lineage.path("adapter").path(name).asString(""));
    }

    private boolean isOn(String base) {
      JsonNode bases = lineage.path("base");
      return bases.isEmpty() || bases.valueStream().anyMatch(one -> one.asString("").equals(base));
    }

    private boolean isOfRows(String digest) {
      String own = lineage.path("data").path("data").asString("");
      return own.isEmpty() || own.equals(digest);
    }
  }

  /// The reasons why a verdict does not let a version pass; empty: it passes.
  ///
  /// @param gate contents of `gate.json`
  /// @param policy digest of the required policy; null: any
  public static List<String> against(Known version, JsonNode gate, @Nullable String policy) {
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
      reasons.add("only the first %s documents of each task were evaluated".formatted(limit));
    }
    for (String name : PeftAdapter.FILES) {
      if (!judged(gate, name).equals(version.adapter(name)) || judged(gate, name).isEmpty()) {
        reasons.add("another " + name + " was judged");
      }
    }
    String release = version.lineage.path(RELEASE).asString("");
    if (!release.equals(digests.path("settings").path(RELEASE).asString(""))) {
      reasons.add(release.isEmpty() ? "a release of it was judged" : "another release was judged");
    }
    if (!version.isOn(digests.path("base").asString(""))) {
      reasons.add("another base was judged");
    }
    String tokenizer = version.tokenizer();
    if (!tokenizer.isEmpty() && !tokenizer.equals(digests.path("tokenizer").asString(""))) {
      reasons.add("another " + TOKENIZER + " was judged");
    }
    String template = version.template();
    String asked = digests.path(TEMPLATE).asString("");
    if (template != null && !asked.isEmpty() && !asked.equals(template)) {
      reasons.add("another chat template was judged");
    }
    boolean leaks =
        gate.path("rules").valueStream().anyMatch(r -> r.path("kind").asString("").equals(LEAKS));
    if (leaks && !version.isOfRows(digests.path("settings").path("train_data").asString(""))) {
      reasons.add(
          "leaks were looked for in other rows than it was trained on, or by a nudge that kept"
              + " another digest of them");
    }
    if (policy != null && !policy.equals(digests.path("policy").asString(""))) {
      reasons.add("another policy was judged");
    }
    return reasons;
  }

  /// The adapter file whose judged digest differs from the version's, or its release's; null: none
  /// does, as far as digests are known.
  static @Nullable String foreign(Known version, JsonNode gate) {
    return PeftAdapter.FILES.stream()
        .filter(
            name ->
                !judged(gate, name).isEmpty()
                    && !version.adapter(name).isEmpty()
                    && !judged(gate, name).equals(version.adapter(name)))
        .findFirst()
        .orElse(null);
  }

  /// The digest of an adapter's file that a verdict judged; empty: unknown, or the base was judged.
  private static String judged(JsonNode gate, String name) {
    return gate.path("digests").path("adapter").path(name).asString("");
  }

  /// How a verdict's questions differ from the previous verdict's; empty: they are equal, or there
  /// is no previous verdict. Added tasks do not count.
  ///
  /// @param before the alias's current version
  /// @param then the verdict on that version; missing node: none
  /// @param now the verdict on the next version; missing node: none
  static List<String> otherQuestions(String before, JsonNode then, JsonNode now) {
    List<String> reasons = new ArrayList<>();
    if (now.isMissingNode()) {
      return reasons;
    }
    JsonNode asked = now.path("digests");
    JsonNode was = then.path("digests");
    String config = was.path("settings").path("config").asString("");
    if (!config.isEmpty()
        && was.path("base").equals(asked.path("base"))
        && !config.equals(asked.path("settings").path("config").asString(""))) {
      reasons.add("the base's config.json or generation_config.json is another than for " + before);
    }
    for (Map.Entry<String, JsonNode> task : was.path("tasks").properties()) {
      String name = task.getKey();
      JsonNode documents = was.path("data").path(name);
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
