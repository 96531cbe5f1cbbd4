package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.machine.Machine;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Completes more prompts than are decoded side by side.
class GenerationTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final int MOST = 32; // tokens of a completion
  private static final List<String> PROMPTS =
      IntStream.range(0, 200).mapToObj(i -> "pump " + i).toList();

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
    return new Generation(session, SamplingSettings.greedy().withMaxTokens(MOST));
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
          new Generation(other, SamplingSettings.greedy().withMaxTokens(MOST))
              .complete("pump", piece -> {});
      assertThat(completion).isEqualTo(new Completion("", 1, Completion.Stop.EOS));
    }
  }

  @Test
  void aReaderThatFailsStopsAllAndIsToldNothingMore() {
    AtomicInteger told = new AtomicInteger();
    assertThatThrownBy(
            () ->
                generation()
                    .complete(
                        PROMPTS,
                        (completion, i) -> {
                          if (told.incrementAndGet() == 20) {
                            throw new IllegalStateException("broken pipe " + i);
                          }
                        }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("broken pipe 19");
    assertThat(told).hasValue(20);
    assertThat(generation().complete("pump", piece -> {}).tokens()).isPositive();
  }

  @Test
  void aPieceThatNobodyTakesFailsItsOwnCompletionOnly() {
    assertThatThrownBy(
            () ->
                generation()
                    .complete(
                        "pump",
                        piece -> {
                          throw new IllegalStateException("closed");
                        }))
        .hasMessage("closed");
    assertThat(generation().complete("pump", piece -> {}).tokens()).isPositive();
  }

  @Test
  void anInterruptStopsManyPrompts() {
    AtomicInteger told = new AtomicInteger();
    assertThatThrownBy(
            () ->
                generation()
                    .complete(
                        PROMPTS,
                        (completion, i) -> {
                          if (told.incrementAndGet() == 3) {
                            Thread.currentThread().interrupt();
                          }
                        }))
        .isInstanceOf(RunException.class)
        .hasMessage("interrupted: 3 of " + PROMPTS.size() + " prompts are completed");
    assertThat(Thread.interrupted()).isTrue();
    assertThat(told).hasValue(3);
  }

  @Test
  void eachPromptSaysAmongOthersWhatItSaysAlone() {
    List<String> all = new ArrayList<>();
    generation().complete(PROMPTS.subList(0, 40), (completion, i) -> all.add(completion.text()));
    for (int i = 0; i < all.size(); i += 7) {
      assertThat(generation().complete(PROMPTS.get(i), piece -> {}).text()).isEqualTo(all.get(i));
    }
  }
}
