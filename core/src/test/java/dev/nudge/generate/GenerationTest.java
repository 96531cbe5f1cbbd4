package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.machine.Machine;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.SamplingSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Completes more prompts than are decoded side by side, on two lanes.
class GenerationTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final int MOST = 32; // tokens of a completion
  private static final int GROUPS = 32; // of 16 sequences, every other on the second lane
  private static final List<String> PROMPTS =
      IntStream.range(0, 16 * GROUPS).mapToObj(i -> "pump " + i).toList();

  private final long before = Ledger.bytes();
  private Session session;

  @BeforeEach
  void open() {
    session = Session.load(ModelSettings.of(MODEL), null, MACHINE, warning -> {});
  }

  @AfterEach
  void close() {
    session.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private Generation generation() {
    return new Generation(session, SamplingSettings.greedy().withMaxTokens(MOST), 2);
  }

  @Test
  void anEndTokenThatOnlyGenerationConfigNamesEndsACompletion(@TempDir Path folder)
      throws IOException {
    for (String file :
        List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
      Files.copy(MODEL.resolve(file), folder.resolve(file));
    }
    String all = IntStream.range(0, session.config().vocabSize()).boxed().toList().toString();
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": " + all + "}");
    assertThat(generation().complete("pump", piece -> {}).tokens()).isGreaterThan(1);
    try (Session other = Session.load(ModelSettings.of(folder), null, MACHINE, warning -> {})) {
      Completion completion =
          new Generation(other, SamplingSettings.greedy().withMaxTokens(MOST), 2)
              .complete("pump", piece -> {});
      assertThat(completion).isEqualTo(new Completion("", 1, Completion.Stop.EOS));
    }
  }

  /// The second lane waits until the first completion is told, so that what it decodes after that
  /// can be counted.
  @Test
  void aReaderThatFailsStopsEveryLane() {
    CountDownLatch told = new CountDownLatch(1);
    AtomicInteger steps = new AtomicInteger(); // of the second lane
    assertThatThrownBy(
            () ->
                generation()
                    .complete(
                        PROMPTS,
                        2,
                        (completion, i) -> {
                          told.countDown();
                          throw new IllegalStateException("broken pipe " + i);
                        },
                        secondLaneAfter(told, steps)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("broken pipe 0");
    assertThat(steps).hasValueBetween(1, GROUPS / 2 * MOST / 4); // all: GROUPS / 2 * MOST
  }

  /// The second lane waits until the first has told its group, so that it is the one that fails and
  /// the first one goes on.
  @Test
  void aReaderThatFailedIsToldNothingMore() {
    CountDownLatch first = new CountDownLatch(16);
    AtomicInteger told = new AtomicInteger();
    assertThatThrownBy(
            () ->
                generation()
                    .complete(
                        PROMPTS,
                        2,
                        (completion, i) -> {
                          first.countDown();
                          if (told.incrementAndGet() == 32) {
                            throw new IllegalStateException("broken pipe");
                          }
                        },
                        secondLaneAfter(first, new AtomicInteger())))
        .hasMessage("broken pipe");
    assertThat(told).hasValue(32);
  }

  /// Holds the second lane back until `latch` is open, then counts its steps.
  private static IntConsumer secondLaneAfter(CountDownLatch latch, AtomicInteger steps) {
    return sequences -> {
      if (Thread.currentThread().getName().equals("lane-1")) {
        try {
          latch.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        steps.incrementAndGet();
      }
    };
  }
}
