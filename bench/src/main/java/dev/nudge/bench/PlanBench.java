package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Draw;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.NudgeCommand;
import dev.nudge.bench.measure.RandomFolder;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// Compares the predictions of `./nudge plan` with runs of `./nudge train`, on random settings.
///
///     bench/plan [--settings 20] [--seed 1] [--rounds 5] [--seconds 8] [--only N]
///
/// For each setting it writes a model folder of random weights; then, in rounds, one process plans,
/// measuring the machine for a second, and another trains. The median of the rounds counts, because
/// a shared machine's speed varies from second to second. The peak is the training process's
/// RssAnon, read every few milliseconds. Training runs for about `--seconds` at the predicted
/// speed; the speed is the median of the second half's steps, because the JVM compiles in the first
/// half. Settings that need less than 270 MiB are skipped: the JVM's own share of a peak varies by
/// some 12 MiB between runs.
public final class PlanBench {
  private static final int LEAST_STEPS = 8;
  private static final long LEAST_BYTES = 270L << 20;

  private final BenchFlags flags;
  private final Path folder;
  private final List<Double> memory = new ArrayList<>();
  private final List<Double> speed = new ArrayList<>();

  private PlanBench(BenchFlags flags, Path folder) {
    this.flags = flags;
    this.folder = folder;
  }

  public static void main(String[] args) throws IOException {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/plan",
            args,
            "--settings 20 --seed 1 --rounds 5 --seconds 8 --quantize none,nf4 --only …");
    System.out.println(Machines.line());
    Path folder = Files.createTempDirectory("nudge-plan");
    try {
      new PlanBench(flags, folder).run();
    } finally {
      OutFolder.delete(folder);
    }
  }

  private void run() throws IOException {
    List<Draw> draws =
        Draw.of(flags.whole("seed"), 10 * flags.whole("settings"), flags.list("quantize"));
    System.out.println(
        " nr  predicted   measured          tokens/s predicted  measured        what");
    int shown = 0;
    for (int i = 0; i < draws.size() && shown < flags.whole("settings"); i++) {
      if (!flags.given("only") || flags.whole("only") == i + 1) {
        shown += row(i + 1, draws.get(i)) ? 1 : 0;
      }
    }
    System.out.printf(
        Locale.ROOT,
        "worst: memory %+.1f %%, speed %+.1f %%; seed %s%n",
        100 * worst(memory),
        100 * worst(speed),
        flags.text("seed"));
  }

  /// @return false if the JVM's own memory would dominate the run
  private boolean row(int number, Draw draw) throws IOException {
    Path model = RandomFolder.of(folder.resolve("model-" + number), draw.shape(), false);
    Path rows = RandomFolder.rows(folder.resolve("rows.jsonl"), draw.length(), draw.batch());
    List<String> settings = new ArrayList<>(draw.flags());
    settings.addAll(List.of("--model", model.toString(), "--data", rows.toString()));
    settings.addAll(List.of("--max-length", "" + draw.length()));
    JsonNode roomy = plan(settings, "--no-probe");
    double whole = anonymous(roomy) + roomy.path("plan").path("bytes").path("mapped").asDouble();
    long room = (long) (whole * Math.max(draw.room(), 0.3));
    JsonNode laidOut = plan(memory(settings, room), "--no-probe");
    if (!laidOut.path("fits").asBoolean()) {
      room = (long) anonymous(laidOut);
    }
    if (anonymous(laidOut) < LEAST_BYTES) {
      OutFolder.delete(model);
      return false;
    }
    List<Round> rounds = new ArrayList<>();
    for (int i = 0; i < flags.whole("rounds"); i++) {
      rounds.add(round(memory(settings, room), draw, folder.resolve("out-" + number + "-" + i)));
    }
    OutFolder.delete(model);
    memory.add(median(rounds, Round::memoryOff));
    speed.add(median(rounds, Round::speedOff));
    System.out.printf(
        Locale.ROOT,
        "%3d %7.0f MiB %6.0f MiB %+6.1f %%   %12.0f  %12.0f  %+6.1f %%  (%s)  %s; layout %s%n",
        number,
        median(rounds, Round::expected) / 1048576,
        median(rounds, Round::peak) / 1048576,
        100 * memory.getLast(),
        median(rounds, Round::rate),
        median(rounds, Round::reached),
        100 * speed.getLast(),
        rounds.stream().map(Round::off).collect(Collectors.joining(", ")),
        draw,
        rounds.stream().map(Round::layout).distinct().collect(Collectors.joining(" or ")));
    return true;
  }

  /// Predicted and measured values, in bytes and tokens a second.
  private record Round(double expected, double peak, double rate, double reached, String layout) {
    double memoryOff() {
      return expected / peak - 1;
    }

    double speedOff() {
      return rate / reached - 1;
    }

    String off() {
      return String.format(Locale.ROOT, "%+.1f/%+.1f", 100 * memoryOff(), 100 * speedOff());
    }
  }

  private Round round(List<String> settings, Draw draw, Path out) throws IOException {
    JsonNode predicted = plan(settings);
    double rate = predicted.path("tokens_per_s").asDouble();
    int tokens = draw.batch() * draw.length();
    int steps = Math.max(LEAST_STEPS, (int) (flags.whole("seconds") * rate / tokens));
    List<String> training = new ArrayList<>(settings);
    training.addAll(List.of("--out", out.toString(), "--steps", "" + steps));
    Child.Ran trained = nudge("train", training);
    String layout = layout(predicted.path("plan"));
    String trainedIn = layout(NudgeCommand.record(out).path("plan"));
    Round round =
        new Round(
            anonymous(predicted),
            trained.peakAnon(),
            rate,
            tokensPerSecond(out, steps / 2),
            layout.equals(trainedIn) ? layout : layout + " BUT TRAINED " + trainedIn);
    OutFolder.delete(out);
    return round;
  }

  private static double median(List<Round> rounds, ToDoubleFunction<Round> what) {
    return TrainingSteps.median(rounds.stream().mapToDouble(what).toArray());
  }

  private static double worst(List<Double> values) {
    return values.stream().max(Comparator.comparingDouble(Math::abs)).orElse(Double.NaN);
  }

  private static List<String> memory(List<String> settings, long bytes) {
    List<String> all = new ArrayList<>(settings);
    all.addAll(List.of("--memory", Math.ceilDiv(bytes, 1024) + "KiB"));
    return all;
  }

  private static JsonNode plan(List<String> settings, String... more) {
    List<String> all = new ArrayList<>(settings);
    all.addAll(List.of(more));
    all.add("--json");
    return Json.parse(nudge("plan", all).lastLine());
  }

  private static double anonymous(JsonNode outlook) {
    return outlook.path("plan").path("total_bytes").asDouble();
  }

  private static String layout(JsonNode plan) {
    return Stream.of("lanes", "micro_batch_tokens", "longest", "recompute", "caches")
        .map(key -> plan.path(key).toString())
        .toList()
        .toString();
  }

  /// @param first uncounted steps
  private static double tokensPerSecond(Path out, int first) {
    return TrainingSteps.median(
        NudgeCommand.steps(out).stream()
            .skip(first)
            .mapToDouble(step -> step.path("tokens").asDouble() / step.path("seconds").asDouble())
            .toArray());
  }

  private static Child.Ran nudge(String verb, List<String> settings) {
    List<String> flags = new ArrayList<>(settings);
    flags.add("-q");
    return Child.run(NudgeCommand.command(verb, flags), Path.of("."), 0).orThrow();
  }
}
