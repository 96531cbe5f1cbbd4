package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.EqualRows;
import dev.nudge.bench.measure.FinishedRows;
import dev.nudge.bench.measure.LossChart;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.NudgeCommand;
import dev.nudge.bench.measure.PeerEnvironment;
import dev.nudge.bench.measure.Side;
import dev.nudge.format.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Compares the losses of 20 QLoRA steps with PEFT's and bitsandbytes' on the same rows, from the
/// same adapter.
///
///     bench/losses [--model SmolLM2-135M-Instruct]
///
/// The peer in fp32 is the reference. In fp32 nudge must be within 1e-4 of it at each step; in bf16
/// nudge's mean distance may not exceed that of the peer's worse bf16 run.
final class Losses {
  private static final List<String> PEER = List.of("fp32", "bf16-eager", "bf16-sdpa");
  private static final List<String> OURS = List.of("fp32", "bf16");
  private static final double WITHIN = 1e-4;

  static final String FLAGS =
      "--steps 20 --batch 4 --longest 300 --rate 2e-4 --model … --data … --peers …"
          + " --env … --out …";

  private final BenchFlags flags;
  private final PeerEnvironment peer;
  private final Path model;
  private final Path folder;
  private final Path rows;

  Losses(BenchFlags flags, PeerEnvironment peer, Path model, Path folder, Path rows) {
    this.flags = flags;
    this.peer = peer;
    this.model = model;
    this.folder = folder;
    this.rows = rows;
  }

  public static void main(String[] args) throws IOException {
    BenchFlags flags = BenchFlags.parse("bench/losses", args, FLAGS);
    Path peers = flags.path("peers", PeerEnvironment.beside(Machines.home()));
    PeerEnvironment peer =
        PeerEnvironment.of(peers, flags.path("env", Machines.cache().resolve("peers")));
    Path model = flags.path("model", PeerEnvironment.model(peers));
    Path data = flags.path("data", peers.resolveSibling("data"));
    Path out = flags.path("out", Machines.cache().resolve("results"));
    Path folder = Files.createDirectories(out.resolve("losses"));
    Path rows = folder.resolve("rows.jsonl");
    EqualRows.questions(
        data.resolve("medical-medquad").resolve("train.jsonl"),
        flags.whole("longest"),
        flags.whole("steps") * flags.whole("batch"),
        rows);
    FinishedRows journal =
        FinishedRows.open(
            out.resolve("losses.jsonl"),
            String.join(" ", args),
            Machines.commit(),
            Machines.boot());
    Memory.say("%s", Machines.line());
    Memory.say("peer: %s", peer.versions());
    new Losses(flags, peer, model.toAbsolutePath(), folder, rows).run(journal, out);
    journal.end();
  }

  private void run(FinishedRows journal, Path out) {
    Map<String, List<Double>> losses = new LinkedHashMap<>();
    for (String way : PEER) {
      losses.put("peer " + way, row(journal, "peer " + way, () -> peer(way)));
    }
    for (String compute : OURS) {
      losses.put("nudge " + compute, row(journal, "nudge " + compute, () -> ours(compute)));
    }
    List<Double> reference = losses.get("peer fp32");
    if (reference == null) {
      throw new IllegalStateException("no reference");
    }
    Memory.say("");
    Memory.say("| side | loss, first to last | worst step, relative | mean absolute difference |");
    Memory.say("|---|---|---|---|");
    losses.forEach(
        (side, values) ->
            Memory.say(
                "| %s | %.5f to %.5f | %.1e | %.1e |",
                side,
                values.getFirst(),
                values.getLast(),
                worst(values, reference),
                mean(values, reference)));
    double fp32 = worst(losses.getOrDefault("nudge fp32", List.of()), reference);
    double bf16 = mean(losses.getOrDefault("nudge bf16", List.of()), reference);
    double theirs =
        Math.max(
            mean(losses.getOrDefault("peer bf16-eager", List.of()), reference),
            mean(losses.getOrDefault("peer bf16-sdpa", List.of()), reference));
    Memory.say("");
    Memory.say(
        "fp32 %s: %.1e, at most 1e-4; bf16 %s: %.1e in the mean, at most the peer's %.1e",
        fp32 <= WITHIN ? "holds" : "does not hold",
        fp32,
        bf16 <= theirs ? "holds" : "does not hold",
        bf16,
        theirs);
    Path svg = out.resolve("losses.svg");
    LossChart.write(svg, "Loss of " + reference.size() + " QLoRA steps", losses);
    Memory.say("drawn in %s", svg);
  }

  private interface Made {
    List<Double> losses();
  }

  private static List<Double> row(FinishedRows journal, String name, Made made) {
    Map<String, Object> row = journal.row(name, () -> Map.of("losses", made.losses()));
    List<Double> losses = Side.numbers(row, "losses");
    Memory.say("%s: %s", name, losses);
    return losses;
  }

  List<Double> peer(String way) {
    List<String> command =
        new ArrayList<>(
            List.of(
                peer.python().toString(),
                Machines.home().resolve("bench").resolve("peer").resolve("steps20.py").toString(),
                model.toString(),
                rows.toString(),
                folder.toString(),
                way,
                "--steps",
                flags.text("steps"),
                "--batch",
                flags.text("batch"),
                "--lr",
                flags.text("rate")));
    if (!way.equals(PEER.getFirst())) { // the first makes the adapter
      command.addAll(List.of("--init", folder.resolve("init").toString()));
    }
    Child.run(command, folder, 0).orThrow();
    try {
      List<Double> losses = new ArrayList<>();
      Json.parse(Files.readString(folder.resolve(way + ".json")))
          .path("losses")
          .forEach(l -> losses.add(l.asDouble()));
      return losses;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<Double> ours(String compute) {
    Path out = folder.resolve("ours-" + compute);
    Child.run(
            NudgeCommand.train(
                model,
                rows,
                out,
                List.of(
                    "--init-adapter",
                    folder.resolve("init").toString(),
                    "--quantize",
                    "nf4",
                    "--compute",
                    compute,
                    "--batch-size",
                    flags.text("batch"),
                    "--steps",
                    flags.text("steps"),
                    "--no-shuffle",
                    "--schedule",
                    "constant",
                    "--warmup",
                    "0",
                    "--learning-rate",
                    flags.text("rate"),
                    "--weight-decay",
                    "0",
                    "--max-grad-norm",
                    "1")),
            folder,
            0)
        .orThrow();
    return NudgeCommand.steps(out).stream().map(step -> step.path("loss").asDouble()).toList();
  }

  /// The largest relative difference.
  static double worst(List<Double> values, List<Double> reference) {
    double worst = values.size() == reference.size() ? 0 : Double.NaN;
    for (int i = 0; i < Math.min(values.size(), reference.size()); i++) {
      worst = Math.max(worst, Math.abs(values.get(i) - reference.get(i)) / reference.get(i));
    }
    return worst;
  }

  /// The mean absolute difference.
  static double mean(List<Double> values, List<Double> reference) {
    double sum = values.size() == reference.size() ? 0 : Double.NaN;
    for (int i = 0; i < Math.min(values.size(), reference.size()); i++) {
      sum += Math.abs(values.get(i) - reference.get(i));
    }
    return sum / reference.size();
  }
}
