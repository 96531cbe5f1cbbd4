package dev.nudge.bench;

import dev.nudge.settings.Compute;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What `bench/roofline` is told.
///
/// @param lanes sequences side by side; the threads are shared among them
/// @param profile steps under the clock, for the table of parts; 0: no table
/// @param peer the peer's Python; null: no peer
/// @param sft the peer's program
/// @param model a folder of real weights, for both sides
/// @param rounds of both sides in turn
record RooflineOptions(
    int steps,
    int warm,
    Compute compute,
    int[] lengths,
    int threads,
    int lanes,
    int profile,
    Clock clock,
    @Nullable Path peer,
    @Nullable Path sft,
    @Nullable Path model,
    int rounds,
    int peerSteps) {

  static final List<String> USAGE =
      List.of(
          "usage: bench/roofline [--steps 5] [--warm 2] [--compute auto|bf16|fp32]"
              + " [--lengths 256,1024,4096]",
          "         [--threads N] [--lanes N] [--profile 2] [--clock wall|cpu]",
          "         [--peer PYTHON --sft sft.py --model FOLDER [--rounds 5] [--peer-steps 3]]",
          "with --peer only the side-by-side runs are made: 8 × 256 and 4 × 1,024 tokens, on the wall's clock");

  static RooflineOptions parse(String[] args) {
    int processors = Runtime.getRuntime().availableProcessors();
    int steps = 5;
    int warm = 2;
    Compute compute = Compute.AUTO;
    int[] lengths = {256, 1024, 4096};
    int threads = processors;
    int lanes = 0;
    int profile = 2;
    Clock clock = Clock.WALL;
    Path peer = null;
    Path sft = null;
    Path model = null;
    int rounds = 5;
    int peerSteps = 3;
    for (int i = 0; i < args.length; i += 2) {
      if (i + 1 == args.length) {
        throw new IllegalArgumentException(args[i] + " has no value");
      }
      String value = args[i + 1];
      switch (args[i]) {
        case "--steps" -> steps = Integer.parseInt(value);
        case "--warm" -> warm = Integer.parseInt(value);
        case "--compute" -> compute = Compute.valueOf(value.toUpperCase(Locale.ROOT));
        case "--lengths" ->
            lengths = Arrays.stream(value.split(",")).mapToInt(Integer::parseInt).toArray();
        case "--threads" -> threads = Integer.parseInt(value);
        case "--lanes" -> lanes = Integer.parseInt(value);
        case "--profile" -> profile = Integer.parseInt(value);
        case "--clock" -> clock = Clock.valueOf(value.toUpperCase(Locale.ROOT));
        case "--peer" -> peer = Path.of(value);
        case "--sft" -> sft = Path.of(value);
        case "--model" -> model = Path.of(value);
        case "--rounds" -> rounds = Integer.parseInt(value);
        case "--peer-steps" -> peerSteps = Integer.parseInt(value);
        default -> throw new IllegalArgumentException("no flag " + args[i]);
      }
    }
    if (peer != null && (sft == null || model == null)) {
      throw new IllegalArgumentException("--peer needs --sft and --model");
    }
    return new RooflineOptions(
        steps,
        warm,
        compute,
        lengths,
        threads,
        lanes == 0 ? threads : lanes,
        profile,
        clock,
        peer,
        sft,
        model,
        rounds,
        peerSteps);
  }
}
