package dev.nudge.eval.gate;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Writes a verdict as `gate.json` and `gate.xml`, and reads what is needed of the first again.
public final class GateFiles {
  /// The name of the verdict for programs.
  public static final String JSON = "gate.json";

  /// The name of the verdict for build servers.
  public static final String XML = "gate.xml";

  private static final String KEY = "nudge_gate";
  private static final int FORMAT = 1;

  private GateFiles() {}

  /// What a file says of a verdict.
  ///
  /// @param at when it was judged
  public record Stored(Verdict verdict, Digests digests, Instant at) {
    /// Why it says nothing of what has these digests; empty: it is a PASS, and fresh.
    public List<String> against(Digests now) {
      List<String> reasons = new ArrayList<>();
      if (verdict != Verdict.PASS) {
        reasons.add("the verdict is " + verdict.name());
      }
      digests.changed(now).forEach(what -> reasons.add(what + " changed"));
      return reasons;
    }

    /// Whether it is a verdict on what has these digests, whichever it is.
    public boolean isFresh(Digests now) {
      return digests.changed(now).isEmpty();
    }
  }

  /// Writes both files into a folder.
  ///
  /// @throws dev.nudge.settings.RunException where the disk refuses
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
    all.put("kind", result.rule().kind());
    all.putAll(result.rule().values());
    all.put("verdict", result.verdict().word());
    all.put("sentence", result.sentence());
    all.put("value", Json.finite(result.value()));
    all.put("low", Json.finite(result.low()));
    all.put("high", Json.finite(result.high()));
    all.put("limit", Json.finite(result.limit()));
    all.put("documents", result.documents());
    all.put("p", Json.finite(result.p()));
    all.put("p_holm", Json.finite(result.adjusted()));
    all.put("detectable", Json.finite(result.detectable()));
    return all;
  }

  /// Reads a file.
  ///
  /// @throws InputException where it is no verdict, or one of a newer nudge
  public static Stored read(Path file) {
    return parse(file.toString(), Json.read(file));
  }

  static Stored parse(String place, JsonNode all) {
    int format = all.path(KEY).asInt(0);
    if (format != FORMAT) {
      throw new InputException(
          "%s: %s is %s, this nudge reads %d; %s"
              .formatted(
                  place,
                  KEY,
                  format == 0 ? "missing" : format,
                  FORMAT,
                  format > FORMAT ? "update nudge" : "give the gate.json of an evaluation"));
    }
    try {
      JsonNode of = all.path("digests");
      return new Stored(
          Verdict.valueOf(text(all, "verdict").toUpperCase(Locale.ROOT)),
          new Digests(
              text(of, "base"),
              map(of.path("adapter")),
              text(of, "tokenizer"),
              of.path("chat_template").isString() ? text(of, "chat_template") : null,
              map(of.path("tasks")),
              map(of.path("data")),
              of.path("seed").longValue(),
              map(of.path("settings")),
              text(of, "policy")),
          Instant.parse(text(all, "at")));
    } catch (IllegalArgumentException | DateTimeParseException | JacksonException e) {
      throw new InputException(
          "%s is damaged (%s); run the evaluation again".formatted(place, e.getMessage()), e);
    }
  }

  private static String text(JsonNode of, String key) {
    JsonNode value = of.path(key);
    if (!value.isString()) {
      throw new IllegalArgumentException("no " + key);
    }
    return value.stringValue();
  }

  private static Map<String, String> map(JsonNode of) {
    Map<String, String> all = new TreeMap<>();
    of.properties().forEach(e -> all.put(e.getKey(), text(of, e.getKey())));
    return all;
  }
}
