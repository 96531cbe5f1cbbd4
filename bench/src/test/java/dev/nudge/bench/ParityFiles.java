package dev.nudge.bench;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Made-up files of the parity study.
final class ParityFiles {
  static final int DOCUMENTS = 200;

  private ParityFiles() {}

  /// A pilot with a held-out loss.
  static Map<String, Object> pilot(ParityPart part, double loss) {
    Map<String, Object> values = diverged(part);
    values.put("held_out_loss", loss);
    values.put("held_out_step", 24);
    values.put("steps", 36);
    return values;
  }

  /// A part that looks for epochs, whose rows have losses around its own.
  static Map<String, Object> loop(ParityPart part, double loss, double spread) {
    Map<String, Object> values = pilot(part, loss);
    values.put(
        ParityResults.ROW_LOSSES,
        IntStream.range(0, 64).mapToObj(i -> loss + (i % 2 == 0 ? spread : -spread)).toList());
    values.put(ParityResults.ROW_TOKENS, Collections.nCopies(64, 1));
    return values;
  }

  /// A pilot that diverged.
  static Map<String, Object> diverged(ParityPart part) {
    return head(part, 60);
  }

  /// A run with the first `right` documents right.
  static Map<String, Object> run(ParityPart part, int right) {
    return run(part, digits(right, DOCUMENTS));
  }

  static Map<String, Object> run(ParityPart part, String scores) {
    boolean full = part.method() == ParityMethod.FULL;
    Map<String, Object> values = head(part, 240);
    values.put("trained_parameters", full ? 134_515_008 : 4_884_480);
    values.put("rows", part.domain().trained());
    values.put("steps", 165);
    values.put("tokens", 72_000);
    values.put("train_seconds", full ? 360.0 : 180.0);
    values.put("eval_seconds", 55.0);
    values.put("peak_mb", full ? 2200 : 1100);
    values.put("score", scores.chars().filter(c -> c == '1').count() / (double) scores.length());
    values.put("scores", scores);
    values.put(
        "retention",
        Map.of(
            ParityRun.KNOWLEDGE, Map.of("scores", digits(30, 56)),
            ParityRun.INSTRUCTIONS, Map.of("scores", digits(full ? 3 : 6, 24)),
            ParityRun.TEXT, Map.of("score", full ? 1.5 : 1.25)));
    values.put("digests", Map.of("asked", "a", "train", "b", "test", "c"));
    return values;
  }

  private static Map<String, Object> head(ParityPart part, double seconds) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("part", part.name());
    values.put("model", "a-model");
    values.put("seconds", seconds);
    values.put("date", "2026-11-29");
    values.put("commit", "abc1234");
    values.put("machine", "a processor");
    return values;
  }

  static String digits(int right, int of) {
    return IntStream.range(0, of)
        .mapToObj(i -> i < right ? "1" : "0")
        .collect(Collectors.joining());
  }

  /// The part of a name.
  static ParityPart part(String name) {
    return ParityPart.all().stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
  }

  /// Three runs of a method of a domain, each with so many documents right.
  static void runs(ParityResults results, String domain, ParityMethod method, int right) {
    for (ParityPart part : runsOf(domain, method)) {
      results.put(part, run(part, right));
    }
  }

  /// The first three runs of a method.
  static List<ParityPart> runsOf(String domain, ParityMethod method) {
    return ParityPart.all().stream()
        .filter(ParityPart::isRun)
        .filter(p -> p.domain().name().equals(domain) && p.method() == method)
        .limit(3)
        .toList();
  }
}
