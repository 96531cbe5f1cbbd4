package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.RandomFolder;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Recompute;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Measures the memory of whole processes.
///
///     bench/memory [--shape 135m] [--length 512]      each level of recomputation
///     bench/memory --claim 7b-512                     a step of a large shape in a small cgroup
///
/// The first prints the peak RssAnon of a process that makes some steps, and the arithmetic minimum
/// ([Minimum]); the second runs [MemoryClaim].
final class Memory {
  private Memory() {}

  public static void main(String[] args) {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/memory",
            args,
            "--claim "
                + MemoryClaim.names()
                + " --shape 135m|tiny|llama-3.2-1b|7b|13b|33b"
                + " --levels NONE,GATE_UP,ALL_BUT_ATTENTION,EVERYTHING,OFFLOADED --length 512"
                + " --lanes 2 --threads 0 --steps 3 --dir … --share 0.95 --rounds 1");
    say("%s", Machines.line());
    Path dir = flags.path("dir", Machines.cache().resolve("models"));
    try {
      if (flags.text("claim").equals("none")) {
        levels(flags, dir);
      } else {
        MemoryClaim.named(flags.text("claim")).run(flags, dir);
      }
    } catch (RandomFolder.NoRoomException e) {
      say("skipped: %s", e.getMessage());
    }
  }

  private static void levels(BenchFlags flags, Path dir) {
    String shape = flags.text("shape");
    ModelConfig config = BenchModels.named(shape);
    Path folder = RandomFolder.of(dir.resolve(shape + "-nf4"), config, true);
    int lanes = flags.whole("lanes");
    int length = flags.whole("length");
    int threads = flags.whole("threads", Runtime.getRuntime().availableProcessors());
    say(
        "%s in NF4 with double quantisation, mapped: %s; r %d on every linear layer, %d lanes, one"
            + " sequence of %d tokens each, bf16, %d steps",
        shape,
        Child.gib(RandomFolder.bytes(config, true)),
        TrainingSteps.RANK,
        lanes,
        length,
        flags.whole("steps"));
    say("");
    say(
        "| level | RssAnon peak, MB | minimum | adapters | saved | dequantised | head | allowed |"
            + " peak / allowed | RssFile | step, s |");
    say("|---|---|---|---|---|---|---|---|---|---|---|");
    for (String level : flags.list("levels")) {
      Minimum m =
          Minimum.of(
              config,
              Recompute.valueOf(level),
              (long) lanes * length,
              lanes,
              TrainingSteps.RANK,
              0);
      List<String> command =
          new ArrayList<>(
              List.of(
                  Machines.home().resolve("bench").resolve("launch").toString(),
                  "MemoryStep",
                  "--model",
                  folder.toString(),
                  "--level",
                  level,
                  "--length",
                  Integer.toString(length),
                  "--lanes",
                  Integer.toString(lanes),
                  "--threads",
                  Integer.toString(threads),
                  "--steps",
                  flags.text("steps")));
      Child.Ran ran = Child.run(command, dir, 0).orThrow();
      say(
          "| %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f | %.0f | %s |",
          level,
          mb(ran.peakAnon()),
          mb(m.total()),
          mb(m.adapter()),
          mb(m.saved()),
          mb(m.dequantized()),
          mb(m.head()),
          mb(m.allowed()),
          (double) ran.peakAnon() / m.allowed(),
          mb(ran.peakFile()),
          ran.output().replaceAll("(?s).*STEPS ([\\d. ]+) WORKSPACE.*", "$1"));
    }
  }

  static double mb(long bytes) {
    return bytes / 1e6;
  }

  static void say(String format, @Nullable Object... values) {
    System.out.printf(Locale.ROOT, format + "%n", values);
  }
}
