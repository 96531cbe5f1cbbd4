package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.NudgeCommand;
import dev.nudge.bench.measure.PeerEnvironment;
import dev.nudge.bench.measure.RandomFolder;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.format.RunFiles;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.verb.Compute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/// Measures the time until training starts.
///
///     bench/loading [--model SmolLM2-135M-Instruct] [--large 7b]
///
/// - from the start of a process `./nudge train --quantize nf4` to the end of its first optimiser
///   step of 512 tokens, on the 135M model and on one of 4 million parameters, on the small one
///   with `--method full` too: until `metrics.jsonl` has its first line
/// - loading the 135M model in NF4 from its bf16 weights, in this process
/// - opening a 7B-shaped NF4 file whose pages were dropped from the cache, in this process
final class Loading {
  private static final List<String> QLORA = List.of("--quantize", "nf4");
  private static final List<String> FULL = List.of("--method", "full");

  private Loading() {}

  public static void main(String[] args) throws IOException {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/loading",
            args,
            "--model … --large 7b|13b|tiny|none --rounds 5 --length 512 --dir …");
    Path dir = flags.path("dir", Machines.cache().resolve("models"));
    Path model =
        flags.path("model", PeerEnvironment.model(PeerEnvironment.beside(Machines.home())));
    int rounds = flags.whole("rounds");
    Memory.say("%s", Machines.line());
    Path small = RandomFolder.of(dir.resolve("tiny-bf16"), BenchModels.named("tiny"), false);
    Memory.say("");
    Memory.say("| what | median, s | rounds | at most |");
    Memory.say("|---|---|---|---|");
    print("first step of 512 tokens, " + model.getFileName(), first(model, QLORA, flags, dir), 8);
    print("first step of 512 tokens, 4 million parameters", first(small, QLORA, flags, dir), 4);
    print("the same, all weights trained", first(small, FULL, flags, dir), 4);
    Backend backend = Backend.resolve(Compute.AUTO, Machines.cache());
    List<Double> loads = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      loads.add(open(model, backend, true));
    }
    print(model.getFileName() + " to NF4, the first in a cold JVM", loads, 2);
    if (!flags.text("large").equals("none")) {
      large(flags, dir, backend, rounds);
    }
  }

  private static void large(BenchFlags flags, Path dir, Backend backend, int rounds) {
    String shape = flags.text("large");
    try {
      Path folder = RandomFolder.of(dir.resolve(shape + "-nf4"), BenchModels.named(shape), true);
      List<Double> opens = new ArrayList<>();
      for (int i = 0; i < rounds; i++) {
        MemoryClaim.dropFromCache(folder.resolve("model.safetensors"));
        opens.add(open(folder, backend, false));
      }
      print(shape + "-shaped NF4 file opened, pages not cached", opens, 1);
    } catch (RandomFolder.NoRoomException e) {
      Memory.say("skipped: %s", e.getMessage());
    }
  }

  private static double open(Path folder, Backend backend, boolean quantise) {
    long start = System.nanoTime();
    ModelConfig config = ModelConfig.load(folder);
    try (CausalLm model = load(folder, config, backend, quantise)) {
      return model.layers() > 0 ? (System.nanoTime() - start) / 1e9 : Double.NaN;
    }
  }

  private static CausalLm load(Path folder, ModelConfig config, Backend backend, boolean quantise) {
    return quantise
        ? Checkpoint.load(folder, config, backend, Quantization.of(new Nf4Format(true)))
        : Checkpoint.load(folder, config, backend);
  }

  private static List<Double> first(Path model, List<String> method, BenchFlags flags, Path dir)
      throws IOException {
    Path rows = dir.resolve("rows-first.jsonl");
    text(rows, model, flags.whole("length"));
    List<Double> seconds = new ArrayList<>();
    for (int i = 0; i < flags.whole("rounds"); i++) {
      seconds.add(first(model, method, rows, dir.resolve("first")));
    }
    return seconds;
  }

  /// Writes a row of exactly `length` tokens for any tokenizer: random letters, cut to fit.
  private static void text(Path rows, Path model, int length) throws IOException {
    var tokenizer = dev.nudge.text.Tokenizer.load(model);
    String letters =
        new java.util.SplittableRandom(3)
            .ints(4L * length, 'a', 'z' + 1)
            .mapToObj(c -> String.valueOf((char) c))
            .collect(Collectors.joining());
    int low = 1;
    int high = letters.length();
    while (low < high) {
      int middle = (low + high) / 2;
      if (tokenizer.ids(letters.substring(0, middle)).length < length - 1) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    Files.writeString(rows, "{\"text\": \"" + letters.substring(0, low) + "\"}\n");
  }

  private static double first(Path model, List<String> method, Path rows, Path out)
      throws IOException {
    Path metrics = out.resolve(RunFiles.METRICS);
    Files.deleteIfExists(metrics);
    AtomicBoolean over = new AtomicBoolean();
    AtomicLong seen = new AtomicLong();
    Thread watcher =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  while (!over.get() && seen.get() == 0) {
                    if (metrics.toFile().length() > 0) {
                      seen.set(System.nanoTime());
                    }
                    Thread.onSpinWait();
                    java.util.concurrent.locks.LockSupport.parkNanos(2_000_000);
                  }
                });
    long start = System.nanoTime();
    List<String> flags = new ArrayList<>(method);
    flags.addAll(List.of("--batch-size", "1", "--steps", "1"));
    Child.run(NudgeCommand.train(model, rows, out, flags), Path.of("."), 0).orThrow();
    long end = System.nanoTime();
    over.set(true);
    try {
      watcher.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return ((seen.get() == 0 ? end : seen.get()) - start) / 1e9;
  }

  private static void print(String what, List<Double> seconds, double most) {
    Memory.say(
        "| %s | %.2f | %s | %.0f |",
        what,
        TrainingSteps.median(seconds),
        seconds.stream()
            .map(s -> String.format(Locale.ROOT, "%.2f", s))
            .collect(Collectors.joining(", ")),
        most);
  }
}
