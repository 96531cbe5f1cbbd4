package dev.nudge.eval.gate;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Writes a verdict as `gate.json` and `gate.xml`.
public final class GateFiles {
  /// File name of the verdict as JSON.
  public static final String JSON = "gate.json";

  /// File name of the verdict as JUnit XML, for CI servers.
  public static final String XML = "gate.xml";

  private static final String KEY = "nudge_gate"; // both as a registry's GateCheck reads them
  private static final int FORMAT = 1;

  private GateFiles() {}

  /// Writes both files into a folder.
  ///
  /// @throws dev.nudge.settings.RunException on an I/O error
  public static void write(Path folder, GateResult result) {
    OutFolder.make(folder);
    OutFolder.place(folder.resolve(XML), JunitXml.of(result));
    OutFolder.place(folder.resolve(JSON), json(result));
  }

  /// The text of `gate.json`.
  public static String json(GateResult result) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put(KEY, FORMAT);
    all.put("verdict", result.verdict().word());
    all.put("at", result.at().toString());
    all.put("policy", result.policy());
    all.put("digests", digests(result.digests()));
    all.put("rules", result.rules().stream().map(GateFiles::rule).toList());
    return Json.indented(all) + "\n";
  }

  private static Map<String, @Nullable Object> digests(Digests digests) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("base", digests.base());
    all.put("adapter", new TreeMap<>(digests.adapter()));
    all.put("tokenizer", digests.tokenizer());
    all.put("chat_template", digests.chatTemplate());
    all.put("tasks", new TreeMap<>(digests.tasks()));
    all.put("data", new TreeMap<>(digests.data()));
    all.put("seed", digests.seed());
    all.put("settings", new TreeMap<>(digests.settings()));
    all.put("policy", digests.policy());
    return all;
  }

  private static Map<String, @Nullable Object> rule(RuleResult result) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("kind", result.rule().kind().word());
    all.putAll(result.rule().values());
    all.put("verdict", result.verdict().word());
    all.put("sentence", result.sentence());
    all.put("value", Json.finite(result.value()));
    all.put("before", Json.finite(result.before()));
    all.put("after", Json.finite(result.after()));
    all.put("low", Json.finite(result.low()));
    all.put("high", Json.finite(result.high()));
    all.put("limit", Json.finite(result.limit()));
    all.put("documents", result.documents());
    all.put("p", Json.finite(result.p()));
    all.put("p_holm", Json.finite(result.adjusted()));
    all.put("detectable", Json.finite(result.detectable()));
    return all;
  }
}
