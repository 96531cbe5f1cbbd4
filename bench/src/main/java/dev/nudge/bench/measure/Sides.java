package dev.nudge.bench.measure;

import dev.nudge.format.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Starts both sides, each in its own process, on the same rows and settings: rank 16, alpha 32,
/// every linear layer, learning rate 2e-4 decaying to 0, rows in file order.
///
/// @param length the longest row
/// @param limit bytes of the memory cgroup of a process
public record Sides(
    PeerEnvironment peer, Path model, Path rows, int batch, int length, long limit, Path scratch) {

  /// Runs the peer's `sft.py`.
  ///
  /// @param method `qlora` or `lora`
  public Side peer(String method, PeerSetting setting, int steps) {
    List<String> command =
        new ArrayList<>(
            List.of(
                peer.python().toString(),
                Machines.home().resolve("bench").resolve("peer").resolve("in_order.py").toString(),
                peer.sft().toString(),
                model.toString(),
                "--method",
                method,
                "--data",
                rows.toString(),
                "--T",
                Integer.toString(2 * length),
                "--batch",
                Integer.toString(batch),
                "--steps",
                Integer.toString(steps),
                "--rank",
                Integer.toString(TrainingSteps.RANK)));
    command.addAll(setting.flags());
    Child.Ran ran = Child.run(command, scratch, limit);
    String result =
        ran.output().lines().filter(l -> l.startsWith("RESULT ")).findFirst().orElse("");
    if (ran.exit() != 0 || result.isEmpty()) {
      return Side.failed(
          ran.killed() ? Side.TOO_LARGE + Child.gib(limit) : ran.lastLine(),
          ran.peakAnon(),
          ran.peakGroup());
    }
    return peer(Json.parse(result.substring("RESULT ".length())), ran);
  }

  private static Side peer(JsonNode r, Child.Ran ran) {
    List<Double> rates = new ArrayList<>();
    // sft.py prints the median of its steps' rates, the first apart, each with its own real tokens
    rates.add(r.path("tok_s").asDouble());
    return new Side(
        rates,
        numbers(r.path("losses")),
        r.path("tokens").path(0).asDouble(),
        r.path("tokens").path(1).asDouble(),
        ran.peakAnon(),
        r.path("peak_mb").asLong() << 20,
        "");
  }

  /// Runs `./nudge train`.
  ///
  /// @param more flags besides the fixed ones
  public Side ours(String method, int steps, List<String> more) {
    Path out = scratch.resolve("ours");
    List<String> flags =
        new ArrayList<>(
            List.of(
                "--rank",
                Integer.toString(TrainingSteps.RANK),
                "--batch-size",
                Integer.toString(batch),
                "--steps",
                Integer.toString(steps),
                "--no-shuffle",
                "--schedule",
                "linear",
                "--warmup",
                "0",
                "--learning-rate",
                "0.0002",
                "--max-length",
                Integer.toString(2 * length)));
    if (method.equals("qlora")) {
      flags.addAll(List.of("--quantize", "nf4"));
    }
    flags.addAll(more);
    Child.Ran ran = Child.run(NudgeCommand.train(model, rows, out, flags), scratch, limit);
    if (ran.exit() != 0) {
      return Side.failed(
          ran.killed() ? Side.TOO_LARGE + Child.gib(limit) : ran.lastLine(),
          ran.peakAnon(),
          ran.peakGroup());
    }
    return metrics(out, ran);
  }

  private static Side metrics(Path out, Child.Ran ran) {
    List<Double> rates = new ArrayList<>();
    List<Double> losses = new ArrayList<>();
    double tokens = 0;
    for (JsonNode step : NudgeCommand.steps(out)) {
      losses.add(step.path("loss").asDouble());
      if (losses.size() > 1) { // the first step of both sides does not count
        tokens += step.path("tokens").asDouble();
        rates.add(step.path("tokens").asDouble() / step.path("seconds").asDouble());
      }
    }
    double mean = tokens / Math.max(1, rates.size());
    return new Side(rates, losses, mean, mean, ran.peakAnon(), ran.peakGroup(), "");
  }

  private static List<Double> numbers(JsonNode array) {
    List<Double> numbers = new ArrayList<>();
    array.forEach(v -> numbers.add(v.asDouble()));
    return numbers;
  }
}
