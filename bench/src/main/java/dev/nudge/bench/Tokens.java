package dev.nudge.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.PeerEnvironment;
import dev.nudge.data.Dataset;
import dev.nudge.data.TokenCache;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.Tokenizer;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/// Measures tokenisation speed, the time to open cached tokens, and their memory.
///
///     bench/tokens [--model SmolLM2-135M-Instruct] [--rows 200000]
///
/// Rows are drawn words of several scripts, about 70 tokens each. A core's speed is tokens divided
/// by the process's CPU time, including reading, parsing and writing, so a busy machine hardly
/// changes it.
final class Tokens {
  private static final String[] WORDS =
      ("the valve reads seven bar when pump and filter are clean please check pressure at unit four"
              + " then restart module because seal leaks under load zwölf naïve café 漢字 каша 🙂"
              + " customer asks about invoice number order shipping late refund account password")
          .split(" ");

  private Tokens() {}

  public static void main(String[] args) throws IOException {
    BenchFlags flags = BenchFlags.parse("bench/tokens", args, "--model … --rows 200000");
    Path model =
        flags.path("model", PeerEnvironment.model(PeerEnvironment.beside(Machines.home())));
    Path folder = Files.createTempDirectory("nudge-tokens");
    try {
      Path file = rows(folder.resolve("rows.jsonl"), flags.whole("rows"));
      Tokenizer tokenizer = Tokenizer.load(model);
      Memory.say("%s", Machines.line());
      Memory.say("");
      Memory.say("| rows | tokens | s | tokens/s | tokens/s a core | opened again, s | heap |");
      Memory.say("|---|---|---|---|---|---|---|");
      long cpu = cpuNanos();
      long begun = System.nanoTime();
      Dataset made = load(file, folder, tokenizer);
      double seconds = (System.nanoTime() - begun) / 1e9;
      double cores = (cpuNanos() - cpu) / 1e9;
      begun = System.nanoTime();
      Dataset kept = load(file, folder, tokenizer);
      double again = (System.nanoTime() - begun) / 1e9;
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      Memory.say(
          "| %,d | %,d | %.1f | %,.0f | %,.0f | %.2f | %,d MiB |",
          kept.rows(),
          made.tokens(),
          seconds,
          made.tokens() / seconds,
          made.tokens() / cores,
          again,
          (runtime.totalMemory() - runtime.freeMemory()) >> 20);
    } finally {
      OutFolder.delete(folder);
    }
  }

  private static Dataset load(Path file, Path cache, Tokenizer tokenizer) {
    return Dataset.load(
        DataSettings.of(List.of(file.toString())),
        new LengthSettings(false, false),
        8_192,
        tokenizer,
        null,
        TokenCache.in(cache));
  }

  /// Processor time of this process.
  static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private static Path rows(Path file, int count) throws IOException {
    SplittableRandom random = new SplittableRandom(1);
    try (BufferedWriter out = Files.newBufferedWriter(file)) {
      for (int i = 0; i < count; i++) {
        out.write("{\"prompt\": \"Query " + i + ": " + words(random, 8, 60) + "\\nAnswer:\", ");
        out.write("\"completion\": \" " + words(random, 2, 20) + "\"}\n");
      }
    }
    return file;
  }

  private static String words(SplittableRandom random, int least, int most) {
    StringBuilder text = new StringBuilder();
    int count = random.nextInt(least, most + 1);
    for (int i = 0; i < count; i++) {
      text.append(i == 0 ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
    }
    return text.toString();
  }
}
