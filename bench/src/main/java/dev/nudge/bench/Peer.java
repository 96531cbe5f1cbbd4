package dev.nudge.bench;

import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.nn.Backend;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Runs the peer's training program and ours in turn on equal work.
///
/// Work is flat random tokens, all labelled: 8 sequences of 256 and 4 of 1,024 a step, LoRA r 16,
/// alpha 32, on every linear layer. Each round is one process of the peer, of which its first step
/// does not count, then as many steps of ours; only one of the two runs at a time.
final class Peer {
  private static final Pattern RATE = Pattern.compile("\"tok_s\": ([0-9.]+)");
  private static final int[][] WORK = {{256, 8}, {1024, 4}};

  private final RooflineOptions options;
  private final Backend backend;

  Peer(RooflineOptions options, Backend backend) {
    this.options = options;
    this.backend = backend;
  }

  void run() {
    Path folder = Objects.requireNonNull(options.model());
    ModelConfig config = ModelConfig.load(folder);
    try (CausalLm model = Checkpoint.load(folder, config, backend)) {
      for (int[] work : WORK) {
        compare(model, work[0], work[1]);
      }
    }
  }

  private void compare(CausalLm model, int length, int batch) {
    double[] ours = new double[options.rounds()];
    double[] theirs = new double[options.rounds()];
    try (Steps steps =
        new Steps(model, options.threads(), options.lanes(), length, batch, Clock.WALL)) {
      steps.steps(options.warm());
      for (int i = 0; i < options.rounds(); i++) {
        double load = Roofline.load();
        theirs[i] = peer(length, batch);
        ours[i] = steps.tokens() / Steps.median(steps.steps(options.steps()));
        Roofline.say(
            "T = %d, batch %d, round %d: peer %.0f, nudge %.0f tokens/s, load before %.2f",
            length, batch, i + 1, theirs[i], ours[i], load);
      }
    }
    double their = Steps.median(theirs);
    double our = Steps.median(ours);
    Roofline.say(
        "T = %d, batch %d, medians: peer %.0f, nudge %.0f tokens/s, ratio %.2f",
        length, batch, their, our, our / their);
  }

  private double peer(int length, int batch) {
    List<String> command =
        List.of(
            Objects.requireNonNull(options.peer()).toString(),
            Objects.requireNonNull(options.sft()).toString(),
            Objects.requireNonNull(options.model()).toString(),
            "--method",
            "lora",
            "--dtype",
            "bf16",
            "--attn",
            "sdpa",
            "--ckpt",
            "0",
            "--rank",
            Integer.toString(Steps.RANK),
            "--T",
            Integer.toString(length),
            "--batch",
            Integer.toString(batch),
            "--steps",
            Integer.toString(options.peerSteps()));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int code = process.waitFor();
      Matcher rate = RATE.matcher(output);
      if (code != 0 || !rate.find()) {
        throw new IllegalStateException("the peer ended with " + code + ":\n" + output);
      }
      return Double.parseDouble(rate.group(1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the peer ran", e);
    }
  }
}
