package dev.nudge.runs;

import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes folders of runs as `train` leaves them, without training.
final class MadeRuns {
  static final Instant START = Instant.parse("2026-11-01T10:00:00Z");

  private MadeRuns() {}

  /// A finished run of two steps.
  ///
  /// @param number from 0: a minute later each, in its id too
  static Path finished(Path folder, int number) throws IOException {
    return of(folder, number, "finished", settings(number));
  }

  static Map<String, @Nullable Object> settings(int number) {
    Map<String, @Nullable Object> settings = new LinkedHashMap<>();
    settings.put("model", "models/tiny");
    settings.put("quantize", number % 2 == 0 ? "none" : "nf4");
    settings.put("method", "lora");
    settings.put("data", List.of("data/a.jsonl"));
    settings.put("eval_data", null);
    settings.put("rank", 8 + number);
    settings.put("learning_rate", 2e-4);
    settings.put("out", "out" + number);
    return settings;
  }

  static Path of(Path folder, int number, String state, Map<String, @Nullable Object> settings)
      throws IOException {
    Map<String, @Nullable Object> totals = new LinkedHashMap<>();
    totals.put("steps", 2);
    totals.put("tokens", 1000);
    totals.put("seconds", 4.0 + number);
    totals.put("last_loss", 1.0 / (1 + number));
    totals.put("eval_loss_best", number == 1 ? null : 0.5 + number);
    totals.put("cost", number == 0 ? null : 0.25 * number);
    Instant started = START.plusSeconds(60L * number);
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("id", "20261101-10%02d00-%06x".formatted(number % 60, number));
    run.put("started", started.toString());
    run.put("state", state);
    run.put("planned_steps", 2);
    run.put("settings", settings);
    run.put("plan", Map.of("lanes", 1));
    run.put("digests", Map.of("data", "sha256:" + "0".repeat(63) + number % 10));
    run.put("versions", Map.of("nudge", "0.1.0", "java", "25"));
    run.put("machine", "test");
    run.put("totals", totals);
    Files.createDirectories(folder);
    Path file = folder.resolve("run.json");
    Files.writeString(file, Json.indented(run) + "\n");
    List<String> rows =
        List.of(
            "{\"step\":0,\"eval_loss\":2.5,\"eval_tokens\":7}",
            "{\"step\":1,\"loss\":2.0,\"lr\":1.0E-4,\"grad_norm\":0.5,\"tokens\":500,\"trained_tokens\":100,\"seconds\":2.0,\"tokens_per_s\":250.0,\"rss_anon_mb\":10.0}",
            "{\"step\":2,\"loss\":null,\"lr\":5.0E-5,\"grad_norm\":null,\"tokens\":500,\"trained_tokens\":100,\"seconds\":1.5,\"tokens_per_s\":333.3333333333333,\"rss_anon_mb\":11.0}",
            "{\"step\":2,\"eval_loss\":1.5,\"eval_tokens\":7}");
    Files.write(folder.resolve("metrics.jsonl"), rows);
    Files.writeString(folder.resolve("adapter_config.json"), "{}");
    Files.write(folder.resolve("adapter_model.safetensors"), new byte[100]);
    return folder;
  }

  /// Changes text in a file that must hold it.
  static void edit(Path file, String from, String to) throws IOException {
    String text = Files.readString(file);
    if (!text.contains(from)) {
      throw new IllegalStateException(file + " holds no " + from);
    }
    Files.writeString(file, text.replace(from, to));
  }

  static RunStore store(List<String> warnings, Path... roots) {
    return RunStore.of(Arrays.asList(roots), warnings::add);
  }

  static List<String> names(List<RunSummary> runs) {
    return new ArrayList<>(runs.stream().map(RunSummary::name).toList());
  }
}
