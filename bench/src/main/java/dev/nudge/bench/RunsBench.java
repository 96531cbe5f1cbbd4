package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Machines;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.runs.RunStore;
import dev.nudge.settings.train.TrainSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Measures the library's part of `nudge runs list`: it lists many generated run folders in a cold
/// JVM, then again in the warm JVM.
///
///     bench/runs [--runs 1000] [--rounds 9] [--keep no]
///
/// `--keep yes` keeps the folders, to time the whole command on them.
final class RunsBench {
  private static final int STEPS = 200;
  private static final Instant START = Instant.parse("2026-11-01T10:00:00Z");

  private RunsBench() {}

  public static void main(String[] args) throws IOException {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/runs",
            args,
            "--runs 1000 --rounds 9 --keep no|yes --dir " + System.getProperty("java.io.tmpdir"));
    Path folder = Path.of(flags.text("dir")).resolve("nudge-bench-runs");
    Path runs = folder.resolve("runs");
    int count = flags.whole("runs");
    boolean made = Files.isDirectory(runs.resolve(name(count - 1)));
    if (!made) {
      OutFolder.delete(folder);
    }
    for (int i = 0; i < count && !made; i++) {
      make(runs.resolve(name(i)), i);
    }
    System.out.println(Machines.line());
    double first = millis(runs);
    double[] next = new double[flags.whole("rounds")];
    for (int i = 0; i < next.length; i++) {
      next[i] = millis(runs);
    }
    System.out.printf(
        Locale.ROOT,
        "%-34s%8.0f ms%n%-34s%8.0f ms%n",
        "first",
        first,
        "median of the next",
        median(next));
    if (flags.text("keep").equals("yes")) {
      System.out.println("kept: ./nudge runs list --runs " + runs);
    } else {
      OutFolder.delete(folder);
    }
  }

  private static double millis(Path runs) {
    long start = System.nanoTime();
    int found = RunStore.of(List.of(runs), line -> {}).list().size();
    if (found == 0) {
      throw new IllegalStateException("nothing was found");
    }
    return (System.nanoTime() - start) / 1e6;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static String name(int number) {
    return "sweep%02d/run-%04d".formatted(number / 100, number);
  }

  /// Writes a folder like `train`'s, without weights.
  private static void make(Path folder, int number) throws IOException {
    Map<String, Object> totals = new LinkedHashMap<>();
    totals.put("steps", STEPS);
    totals.put("tokens", 400_000 + number);
    totals.put("seconds", 812.25 + number);
    totals.put("last_loss", 1.25 + number * 1e-4);
    totals.put("eval_loss_best", 1.5 + number * 1e-4);
    TrainSettings settings =
        TrainSettings.of(
            Map.of(
                "model",
                "models/SmolLM2-135M",
                "data",
                "rows.jsonl",
                "out",
                folder,
                "rank",
                1 + number % 64));
    Map<String, Object> run = new LinkedHashMap<>();
    run.put("id", "20261101-100000-%06x".formatted(number));
    run.put("started", START.plusSeconds(number).toString());
    run.put(RunFiles.STATE, "finished");
    run.put("planned_steps", STEPS);
    run.put("settings", settings.values());
    run.put("plan", Map.of("lanes", 2, "bytes", Map.of("weights", 1, "activations", 2)));
    run.put("digests", Map.of("data", "sha256:" + "0".repeat(64)));
    run.put("totals", totals);
    Files.createDirectories(folder);
    Files.writeString(folder.resolve(RunFiles.RUN), Json.indented(run) + "\n");
    Files.setLastModifiedTime(folder.resolve(RunFiles.RUN), FileTime.from(START));
    List<String> rows = new ArrayList<>();
    for (int step = 1; step <= STEPS; step++) {
      rows.add("{\"step\":%d,\"loss\":%s}".formatted(step, 3.0 / step));
    }
    Files.write(folder.resolve(RunFiles.METRICS), rows);
    Files.write(folder.resolve("adapter_model.safetensors"), new byte[1024]);
  }
}
