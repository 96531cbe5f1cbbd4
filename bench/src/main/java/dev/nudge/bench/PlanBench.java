package dev.nudge.bench;

import dev.nudge.format.OutFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Compares what `./nudge plan` predicts with what `./nudge train` takes, on settings drawn by
/// seed.
///
///     bench/plan [--settings 20] [--seed 1] [--seconds 12] [--only N]
///
/// For each setting a model folder of random weights is written; one process plans, measuring the
/// machine for a second, and another trains. The peak is RssAnon of the training process, read
/// every few milliseconds. It makes steps for about `--seconds`, as many as the plan says; the
/// speed is the median of their second half, because the JVM compiles in the first. Settings whose
/// run takes less than 270 MiB are passed over: the JVM's own share of a peak differs by some
/// 12 MiB from run to run.
public final class PlanBench {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int LEAST_STEPS = 8;
  private static final long LEAST_BYTES = 270L << 20;

  private final Flags flags;
  private final Path folder;
  private final List<Double> memory = new ArrayList<>();
  private final List<Double> speed = new ArrayList<>();

  private PlanBench(Flags flags, Path folder) {
    this.flags = flags;
    this.folder = folder;
  }

  public static void main(String[] args) throws IOException {
    Flags flags =
        Flags.parse(
            "bench/plan",
            args,
            "settings",
            "20",
            "seed",
            "1",
            "seconds",
            "12",
            "quantize",
            "none,nf4",
            "only",
            "");
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

  /// @return false where the process would be little but the JVM, which is no plan
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
    JsonNode predicted = plan(memory(settings, room));
    Path out = folder.resolve("out-" + number);
    List<String> training = memory(settings, room);
    double rate = predicted.path("tokens_per_s").asDouble();
    int tokens = draw.batch() * draw.length();
    int steps = Math.max(LEAST_STEPS, (int) (flags.whole("seconds") * rate / tokens));
    training.addAll(List.of("--out", out.toString(), "--steps", "" + steps));
    Child.Ran trained = nudge("train", training);
    double expected = anonymous(predicted);
    double reached = tokensPerSecond(out, steps / 2);
    memory.add(expected / trained.peakAnon() - 1);
    speed.add(rate / reached - 1);
    String layout = layout(predicted.path("plan"));
    String trainedIn = layout(Nudge.record(out).path("plan"));
    System.out.printf(
        Locale.ROOT,
        "%3d %7.0f MiB %6.0f MiB %+6.1f %%   %12.0f  %12.0f  %+6.1f %%  %s; layout %s%s%n",
        number,
        expected / 1048576,
        trained.peakAnon() / 1048576.0,
        100 * memory.getLast(),
        rate,
        reached,
        100 * speed.getLast(),
        draw,
        layout,
        layout.equals(trainedIn) ? "" : " BUT TRAINED " + trainedIn);
    OutFolder.delete(model);
    return true;
  }

  private static double worst(List<Double> values) {
    return values.stream().max(Comparator.comparingDouble(Math::abs)).orElse(Double.NaN);
  }

  private static List<String> memory(List<String> settings, long bytes) {
    List<String> all = new ArrayList<>(settings);
    all.addAll(List.of("--memory", bytes / 1024 + "KiB"));
    return all;
  }

  private static JsonNode plan(List<String> settings, String... more) {
    List<String> all = new ArrayList<>(settings);
    all.addAll(List.of(more));
    all.add("--json");
    return JSON.readTree(nudge("plan", all).lastLine());
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

  /// @param first steps that do not count
  private static double tokensPerSecond(Path out, int first) {
    return Steps.median(
        Nudge.steps(out).stream()
            .skip(first)
            .mapToDouble(step -> step.path("tokens").asDouble() / step.path("seconds").asDouble())
            .toArray());
  }

  private static Child.Ran nudge(String verb, List<String> settings) {
    List<String> flags = new ArrayList<>(settings);
    flags.add("-q");
    return Child.run(Nudge.command(verb, flags), Path.of("."), 0).orThrow();
  }
}
