package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Hold the typed withers to the settings: there is one for each, and it changes that one.
class WithersTest {
  private static final Path A = Path.of("a");
  private static final Path B = Path.of("b");

  /// What must be there before a setting is allowed.
  private static final Map<String, Map<String, Object>> NEEDS =
      Map.of(
          "double_quant", Map.of("quantize", "nf4"),
          "eval_steps", Map.of("eval_data", "e"),
          "freeze", Map.of("method", "full"),
          "min_tokens", Map.of("max_tokens", 400),
          "n", Map.of("temperature", 1),
          "patience", Map.of("eval_data", "e"),
          "sample_prompt", Map.of("eval_data", "e"),
          "samples", Map.of("eval_data", "e"),
          "top_logprobs", Map.of("logprobs", true),
          "vocab_size", Map.of("tokenizer_data", "t"));

  /// What most settings allow is too much for these.
  private static final Map<String, Object> SAMPLES =
      Map.of(
          "top_logprobs",
          7,
          "judge",
          "https://other.example/v1",
          "columns",
          new String[] {"text=other"},
          "eval_split",
          new EvalSplit.Named("other"),
          "mixture",
          new String[] {"a=2x"});

  /// A run without weights and files is `Training.prepare`, not a setting of Java code.
  private static final List<String> WITHOUT = List.of("dry_run");

  static Stream<Arguments> settings() {
    return Stream.of(
            TrainSettings.of(A, A, B),
            ScoreSettings.of(A, A),
            GenerateSettings.of(A, "p").withData("d"),
            MergeSettings.of(A, A, B),
            QuantizeSettings.of(A, B),
            InitSettings.of(A, B),
            PlanSettings.of(A).withData("d"),
            PreviewSettings.of(A, A),
            ModelSettings.of(A),
            ServeSettings.of(A),
            new JudgeSettings("http://judge.example/v1", "large", null, null, null),
            SamplingSettings.greedy())
        .flatMap(
            s ->
                Schema.of(s.getClass()).knobs().stream()
                    .filter(knob -> !WITHOUT.contains(knob.key()))
                    .filter(knob -> !(s instanceof PlanSettings && knob.key().equals("tokens")))
                    .filter(knob -> !(s instanceof ServeSettings && knob.key().equals("adapter")))
                    .filter(knob -> knob.choices().size() != 1) // there is no other value
                    .map(knob -> Arguments.of(s, knob)));
  }

  @ParameterizedTest
  @MethodSource("settings")
  <S extends Record> void everySettingHasAWither(Withers<S> settings, Knob knob) throws Exception {
    Withers<S> base = settings;
    for (var need : NEEDS.getOrDefault(knob.key(), Map.of()).entrySet()) {
      if (values(base).containsKey(need.getKey())) {
        base = withers(base.with(need.getKey(), need.getValue()));
      }
    }
    String name = "with" + knob.name().substring(0, 1).toUpperCase() + knob.name().substring(1);
    Method wither =
        Arrays.stream(base.getClass().getMethods())
            .filter(m -> m.getName().equals(name) && !m.isBridge())
            .findFirst()
            .orElseThrow(() -> new AssertionError(name + " is missing"));
    Map<String, ?> before = values(base);
    Object sample =
        SAMPLES.getOrDefault(
            knob.key(), sample(wither.getParameterTypes()[0], before.get(knob.key())));
    S changed = changed(base, wither, sample);
    Map<String, ?> after = values(withers(changed));
    assertThat(after.get(knob.key())).isNotEqualTo(before.get(knob.key()));
    after.forEach(
        (key, value) -> {
          if (!key.equals(knob.key()) && !key.equals(knob.setting().unless())) {
            boolean follows = knob.key().equals("method") && key.equals("learning_rate");
            boolean excluded = knob.key().equals("steps") && key.equals("epochs");
            assertThat(follows || excluded || java.util.Objects.equals(value, before.get(key)))
                .as("%s stays", key)
                .isTrue();
          }
        });
  }

  @Test
  void aWitherChecks() {
    assertThatThrownBy(() -> TrainSettings.of(A, A, B).withRank(0))
        .isInstanceOf(InputException.class)
        .hasMessage("--rank is 0; it must be at least 1");
    assertThatThrownBy(
            () -> TrainSettings.of(A, A, B).withMethod(dev.nudge.settings.Method.FULL).withRank(8))
        .hasMessage("--rank is given with --method full, which trains no adapter; leave one out");
  }

  @Test
  void tokensOfAPlanStandForDataThatIsNotThere() {
    assertThat(PlanSettings.of(A).withTokens(7).tokens()).isEqualTo(7);
  }

  @Test
  void adaptersToServeHaveANameEach() {
    ServeSettings settings = ServeSettings.of(A).withAdapter("one=a", "two=legal@champion");
    assertThat(settings.adapters()).isEqualTo(Map.of("one", "a", "two", "legal@champion"));
    assertThatThrownBy(() -> settings.withAdapter("one=a", "one=b"))
        .hasMessage("--adapter: two are named 'one'; give each a name of its own");
    assertThatThrownBy(() -> settings.withAdapter("a@b=c"))
        .hasMessage(
            "--adapter is 'a@b=c'; a name is of letters, digits, '.', '_' and '-', at most 128");
  }

  @Test
  void stepsTakeThePlaceOfEpochs() {
    LoopSettings loop = TrainSettings.of(A, A, B).withEpochs(3).withSteps(5).loop();
    assertThat(loop.steps()).isEqualTo(5);
    assertThat(loop.epochs()).isNull();
  }

  @SuppressWarnings("unchecked")
  private static <S extends Record> S changed(Withers<S> base, Method wither, Object sample)
      throws Exception {
    return (S) wither.invoke(base, sample);
  }

  @SuppressWarnings("unchecked")
  private static <S extends Record> Withers<S> withers(S settings) {
    return (Withers<S>) settings;
  }

  @SuppressWarnings("unchecked")
  private static <S extends Record> Map<String, ?> values(Withers<S> settings) {
    S s = (S) settings;
    return Schema.of((Class<S>) s.getClass()).values(s);
  }

  /// A value other than the one that is there.
  private static Object sample(Class<?> type, @Nullable Object there) {
    if (type.isArray()) {
      Object one = Array.newInstance(type.getComponentType(), 1);
      Array.set(one, 0, sample(type.getComponentType(), there));
      return one;
    } else if (type == boolean.class) {
      return !Boolean.TRUE.equals(there);
    } else if (type == int.class) {
      return 300;
    } else if (type == long.class) {
      return 300L;
    } else if (type == double.class) {
      return 0.5;
    } else if (type == Map.class) {
      return Map.of(300, 0.5);
    } else if (type == Path.class) {
      return Path.of("other");
    } else if (type.isEnum()) {
      return type.getEnumConstants()[type.getEnumConstants().length - 1];
    }
    return "other";
  }
}
