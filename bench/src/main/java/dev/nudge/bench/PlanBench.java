package dev.nudge.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Compares what `./nudge plan` predicts with what runs take, on settings drawn by seed.
///
///     bench/plan [--settings 20] [--seed 1] [--steps 8] [--clock wall|cpu] [--only N]
///
/// For each setting a model folder of random weights is written; one process plans, measuring the
/// machine for a second, and another trains. The peak is RssAnon of the training process, read
/// every
/// few milliseconds; the speed is the median of its steps without the first ones, in which the JVM
/// compiles. Settings whose run may take less than 250 MiB are passed over: the JVM alone takes
/// half.
public final class PlanBench {
  private static final int WARM = 3;
  private static final long LEAST_BYTES = 250L << 20;

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
            "steps",
            "8",
            "clock",
            "wall|cpu",
            "quantize",
            "none,nf4",
            "only",
            "");
    System.out.println(Machines.line());
    Path folder = Files.createTempDirectory("nudge-plan");
    try {
      new PlanBench(flags, folder).run();
    } finally {
      delete(folder);
    }
  }

  private void run() throws IOException {
    List<Draw> draws =
        Draw.of(flags.whole("seed"), 4 * flags.whole("settings"), flags.list("quantize"));
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
    Path model = ModelFolder.write(folder.resolve("model"), draw.shape());
    Path rows =
        ModelFolder.rows(
            folder.resolve("rows.jsonl"), draw.batch(), draw.length(), draw.shape().vocabSize());
    List<String> settings = new ArrayList<>(draw.flags());
    settings.addAll(List.of("model", model.toString(), "data", rows.toString()));
    settings.addAll(List.of("out", folder.resolve("out").toString(), "overwrite", "true"));
    settings.addAll(List.of("max_length", "" + draw.length(), "steps", flags.text("steps")));
    double roomy = number(child("predict", settings, List.of("probe", "false")), "anonymous");
    long room = (long) (roomy * Math.max(draw.room(), 0.3));
    if (room < LEAST_BYTES) {
      return false;
    }
    settings.addAll(List.of("memory", "" + room));
    Ran predicted = child("predict", settings, List.of());
    if (number(predicted, "fits") == 0) {
      settings.set(settings.size() - 1, "" + (long) number(predicted, "anonymous"));
      predicted = child("predict", settings, List.of());
    }
    Ran trained = child("train", settings, List.of());
    double expected = number(predicted, "anonymous");
    double[] steps =
        trained.numbers.getOrDefault("step", List.of()).stream()
            .skip(WARM)
            .mapToDouble(v -> v)
            .toArray();
    double reached = Steps.median(steps);
    double rate = number(predicted, "tokens_per_s");
    memory.add(expected / trained.peak - 1);
    speed.add(rate / reached - 1);
    System.out.printf(
        Locale.ROOT,
        "%3d %7.0f MiB %6.0f MiB %+6.1f %%   %12.0f  %12.0f  %+6.1f %%  %s; layout %s%s%n",
        number,
        expected / 1048576,
        trained.peak / 1048576.0,
        100 * memory.getLast(),
        rate,
        reached,
        100 * speed.getLast(),
        draw,
        predicted.layout,
        predicted.layout.equals(trained.layout) ? "" : " BUT TRAINED " + trained.layout);
    return true;
  }

  private static double worst(List<Double> values) {
    return values.stream().max(Comparator.comparingDouble(Math::abs)).orElse(Double.NaN);
  }

  /// What a process printed, and its highest RssAnon in bytes.
  private record Ran(Map<String, List<Double>> numbers, String layout, long peak) {}

  private static double number(Ran ran, String name) {
    List<Double> values = ran.numbers.get(name);
    if (values == null) {
      throw new IllegalStateException("the other process printed no " + name);
    }
    return values.getFirst();
  }

  private Ran child(String what, List<String> settings, List<String> more) throws IOException {
    List<String> command = new ArrayList<>(java());
    command.addAll(List.of(PlanChild.class.getName(), what, flags.text("clock")));
    command.addAll(settings);
    command.addAll(more);
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    long[] peak = {0};
    Thread watch =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  while (process.isAlive()) {
                    peak[0] = Math.max(peak[0], rssAnon(process.pid()));
                    java.util.concurrent.locks.LockSupport.parkNanos(4_000_000);
                  }
                });
    Map<String, List<Double>> numbers = new TreeMap<>();
    String layout = "";
    try (var output = process.inputReader()) {
      for (String line : output.lines().toList()) {
        String[] words = line.split(" ", 2);
        if (words[0].equals("layout")) {
          layout = words[1];
        } else if (words.length == 2) {
          numbers.computeIfAbsent(words[0], _ -> new ArrayList<>()).add(Double.valueOf(words[1]));
        }
      }
    }
    try {
      int code = process.waitFor();
      watch.join();
      if (code != 0) {
        throw new IllegalStateException(what + " ended with " + code);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    return new Ran(numbers, layout, peak[0]);
  }

  /// Java as the launcher starts it.
  private static List<String> java() {
    List<String> command = new ArrayList<>();
    ProcessHandle.current().info().command().ifPresent(command::add);
    command.addAll(
        java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
            .filter(a -> !a.startsWith("-Dnudge"))
            .toList());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    return command;
  }

  private static long rssAnon(long pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith("RssAnon:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
    } catch (IOException e) {
      return 0; // it has just ended
    }
    return 0;
  }

  private static void delete(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
