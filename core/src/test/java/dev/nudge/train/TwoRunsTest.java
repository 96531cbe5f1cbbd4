package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.nudge.ChildJvm;
import dev.nudge.Nudge;
import dev.nudge.generate.Session;
import dev.nudge.machine.ProcessMemory;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.InitSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.tensor.Ledger;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Fine-tunes, scores, merges and answers again and again in one JVM: after each round the
/// ledger is empty, no file of a model is mapped and no thread of the library lives; anonymous
/// memory does not grow from the early rounds to the late ones, and what a run holds is more
/// than the growth that is allowed.
///
/// So that what grows is the library's, the heap is touched beforehand, small blocks of malloc
/// are trimmed, and the JVM compiles with its first compiler only and without the Vector API:
/// the second takes tens of MB for minutes and gives them back. Of several rounds the lowest
/// counts.
@Tag("slow")
class TwoRunsTest {
  private static final int ROUNDS = 7; // the first is the JVM's own
  private static final int HALF = 4;
  private static final double MOST_GROWTH_MB = 8;

  private static final String CONFIG =
      """
      {"model_type": "llama", "hidden_size": 256, "intermediate_size": 704,
       "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 4,
       "vocab_size": 320, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
       "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 1}
      """;

  @TempDir private Path temp;

  private record Round(long ledger, long mapped, long threads, double heldMb, double rssAnonMb) {
    static Round parse(String line) {
      String[] words = line.split(" ");
      return new Round(
          Long.parseLong(words[1]),
          Long.parseLong(words[2]),
          Long.parseLong(words[3]),
          Double.parseDouble(words[4]),
          Double.parseDouble(words[5]));
    }
  }

  @Test
  void runsLeaveNoNativeMemoryBehind() throws IOException {
    assumeFalse(Double.isNaN(ProcessMemory.rssAnonMb()), "the system does not tell RssAnon");
    Path model = temp.resolve("model");
    Nudge.on(TinyRun.MACHINE, line -> {})
        .init(InitSettings.of(Files.writeString(temp.resolve("config.json"), CONFIG), model));
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(TinyRun.TIED.resolve(file), model.resolve(file));
    }
    Path data = TinyRun.rows(temp.resolve("rows.jsonl"), 16, 100, 3);
    List<String> flags =
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xms256m",
            "-Xmx256m",
            "-XX:+AlwaysPreTouch",
            "-XX:TrimNativeHeapInterval=100");
    ChildJvm child = ChildJvm.run(flags, TwoRunsTest.class.getName(), model, data, temp);
    child.output().forEach(System.out::println);
    List<Round> rounds =
        child.output().stream().filter(l -> l.startsWith("round ")).map(Round::parse).toList();
    assertThat(rounds).hasSize(ROUNDS);
    for (Round round : rounds) {
      assertThat(round.ledger).as("bytes of the ledger").isZero();
      assertThat(round.mapped).as("mapped files of the models").isZero();
      assertThat(round.threads).as("threads").isZero();
      assertThat(round.heldMb).as("MB held while it trained").isGreaterThan(MOST_GROWTH_MB);
    }
    double early = lowest(rounds.subList(1, HALF));
    double late = lowest(rounds.subList(HALF, ROUNDS));
    assertThat(late - early).as("growth of RssAnon in MB").isLessThan(MOST_GROWTH_MB);
  }

  private static double lowest(List<Round> rounds) {
    return rounds.stream().mapToDouble(Round::rssAnonMb).min().orElseThrow();
  }

  /// Prints for each round `round LEDGER MAPPED THREADS HELD_MB RSS_ANON_MB`.
  public static void main(String[] args) throws IOException {
    Nudge nudge = Nudge.on(TinyRun.MACHINE, line -> {});
    for (int round = 0; round < ROUNDS; round++) {
      Path out = Path.of(args[2], "round-" + round);
      long held = use(nudge, Path.of(args[0]), Path.of(args[1]), out);
      System.out.printf(
          Locale.ROOT,
          "round %d %d %d %.1f %.1f%n",
          Ledger.bytes(),
          mapped(args[2]),
          threads(),
          held / 1e6,
          lowestRssAnonMb());
    }
  }

  /// Goes through the verbs.
  ///
  /// @return the most bytes of the ledger during a step
  private static long use(Nudge nudge, Path model, Path data, Path out) {
    long[] held = {0};
    Path adapter = out.resolve("adapter");
    nudge.train(
        TrainSettings.of(model, data, adapter)
            .withEvalData(data.toString())
            .withQuantize(Quantize.NF4)
            .withBatchSize(4),
        TrainEvent.steps(s -> held[0] = Math.max(held[0], Ledger.bytes())));
    nudge.score(ScoreSettings.of(model, data).withAdapter(adapter));
    Path merged = nudge.merge(MergeSettings.of(model, adapter, out.resolve("merged"))).out();
    try (Session session = nudge.open(merged)) {
      session.complete("pump:", SamplingSettings.greedy().withMaxTokens(16), piece -> {});
    }
    return held[0];
  }

  private static long mapped(String folder) throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
      return lines.filter(line -> line.contains(folder)).count();
    }
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(t -> t.getName().matches("lane-.*|warm-up|base-digest|read-ahead"))
        .count();
  }

  /// RssAnon after a collection, the lowest of some readings.
  private static double lowestRssAnonMb() {
    double lowest = Double.POSITIVE_INFINITY;
    for (int i = 0; i < 5; i++) {
      System.gc();
      LockSupport.parkNanos(150_000_000);
      lowest = Math.min(lowest, ProcessMemory.rssAnonMb());
    }
    return lowest;
  }
}
