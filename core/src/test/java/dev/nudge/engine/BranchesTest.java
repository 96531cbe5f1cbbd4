package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.NamedAdapters.Way;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.GoldenFamilies;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.Compute;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Tokens that are read behind a prompt, one branch after the other.
class BranchesTest {
  private static final Path LLAMA = Path.of("src/test/resources/golden/llama/grouped-tied/model");

  private final Random random = new Random(Seeds.next());
  private @Nullable CausalLm model;
  private @Nullable NamedAdapters none;

  /// A plain model, those with windows, and those that turn long sequences otherwise.
  static Stream<Path> models() throws IOException {
    return Stream.concat(
        Stream.of(LLAMA),
        GoldenFamilies.models().stream()
            .filter(
                folder -> {
                  ModelConfig config = ModelConfig.load(folder);
                  return config.turnsAnew(1, 100_000)
                      || config.layers().stream().anyMatch(l -> l.attention().window() > 0);
                }));
  }

  /// Keeps one logit of each token that it is told.
  private static final class Listener implements Caller {
    final List<int[]> branches;
    final List<List<Float>> heard = new ArrayList<>(); // of the prompt, then of each branch
    private int at = -1;

    Listener(List<int[]> branches) {
      this.branches = branches;
      heard.add(new ArrayList<>());
    }

    @Override
    public void read(Tensor logits, int row, int[] ids, int place) {
      heard.getLast().add((float) logits.get(row, 1));
    }

    @Override
    public int next(Tensor logits, int row, int[] ids, int count) {
      heard.getLast().add((float) logits.get(row, 1));
      if (++at == branches.size()) {
        return END;
      }
      heard.add(new ArrayList<>());
      return BRANCH;
    }

    @Override
    public int[] branch() {
      return branches.get(at);
    }
  }

  private Engine open(Path folder) {
    ModelConfig config = ModelConfig.load(folder);
    CausalLm loaded = Checkpoint.load(folder, config, Backends.of(Compute.FP32));
    model = loaded;
    none = new NamedAdapters(loaded.modules(), loaded.backend().compute());
    return new Engine(loaded, none, new Limits(2, 64 << 20, 1024, true));
  }

  @AfterEach
  void close() {
    Objects.requireNonNull(none).close();
    Objects.requireNonNull(model).close();
  }

  private int[] draw(int count) {
    return random.ints(count, 3, Objects.requireNonNull(model).config().vocabSize()).toArray();
  }

  private List<int[]> branches(int... lengths) {
    return Arrays.stream(lengths).mapToObj(this::draw).toList();
  }

  private static int longest(List<int[]> branches) {
    return branches.stream().mapToInt(branch -> branch.length).max().orElse(0);
  }

  private static List<List<Float>> heard(Engine engine, int[] prompt, List<int[]> branches) {
    Listener listener = new Listener(branches);
    engine.submit(Ask.branches(prompt, Way.BASE, longest(branches)), listener).await();
    return listener.heard;
  }

  @ParameterizedTest
  @MethodSource("models")
  void aBranchIsWhatItIsBehindItsPromptInOnePiece(Path folder) {
    try (Engine engine = open(folder)) {
      for (int length : new int[] {1, 30, 64, 100, 159}) {
        int[] prompt = draw(length);
        List<int[]> branches = branches(1, 2, 70, 3, 1, 33);
        List<List<Float>> heard = heard(engine, prompt, branches);
        assertThat(heard).hasSize(branches.size() + 1);
        for (int b = 0; b < branches.size(); b++) {
          int[] branch = branches.get(b);
          int[] whole = Arrays.copyOf(prompt, length + branch.length);
          System.arraycopy(branch, 0, whole, length, branch.length);
          Listener listener = new Listener(List.of());
          engine.submit(Ask.likelihood(whole, Way.BASE, length), listener).await();
          List<Float> wanted = listener.heard.getFirst();
          assertThat(heard.get(b + 1)).hasSize(branch.length).hasSameSizeAs(wanted);
          for (int i = 0; i < branch.length; i++) {
            assertThat(heard.get(b + 1).get(i))
                .as("token %d of %d behind %d", i, branch.length, length)
                .isCloseTo(wanted.get(i), within(2e-4f));
          }
        }
      }
    }
  }

  /// Pieces of long branches are cut by what others read in the same step.
  @ParameterizedTest
  @MethodSource("models")
  void aBranchHasItsBitsInAnyOrderAndCompany(Path folder) {
    try (Engine engine = open(folder)) {
      List<Listener> listeners = new ArrayList<>();
      List<int[]> prompts = new ArrayList<>();
      List<Ticket> tickets = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        List<int[]> branches = branches(1, 1 + random.nextInt(200), 2, 5, 130);
        prompts.add(draw(1 + random.nextInt(150)));
        listeners.add(new Listener(branches));
        Ask ask = Ask.branches(prompts.getLast(), Way.BASE, longest(branches));
        tickets.add(engine.submit(ask, listeners.getLast()));
      }
      tickets.forEach(Ticket::await);
      for (int i = 0; i < 12; i += 3) {
        List<int[]> turned = new ArrayList<>(listeners.get(i).branches);
        Collections.reverse(turned);
        List<List<Float>> alone = heard(engine, prompts.get(i), turned);
        List<List<Float>> together = listeners.get(i).heard;
        assertThat(alone.getFirst()).isEqualTo(together.getFirst());
        Collections.reverse(together);
        assertThat(alone.subList(1, alone.size()))
            .isEqualTo(together.subList(0, together.size() - 1));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void aBranchThatHasNoRoomOrNoTokensEndsItsSequenceAlone(Path folder) {
    try (Engine engine = open(folder)) {
      int[] prompt = draw(20);
      Listener other = new Listener(branches(1, 2, 3));
      Ticket going = engine.submit(Ask.branches(prompt, Way.BASE, 3), other);
      Ticket long1 = engine.submit(Ask.branches(prompt, Way.BASE, 3), new Listener(branches(4)));
      Ticket none1 = engine.submit(Ask.branches(prompt, Way.BASE, 3), new Listener(branches(0)));
      assertThatThrownBy(long1::await).hasStackTraceContaining("a branch of 4 tokens behind 20");
      assertThatThrownBy(none1::await).hasStackTraceContaining("a branch of 0 tokens behind 20");
      going.await();
      assertThat(other.heard).hasSize(4);
    }
  }
}
