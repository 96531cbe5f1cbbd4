package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.nudge.settings.train.AdapterInit;
import dev.nudge.settings.train.LossType;
import dev.nudge.settings.train.ObjectiveName;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.EvalSplit;
import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Every setting can be changed, by its typed wither or, where it has none, by its key; no other
/// setting changes with it. A test class of each module with settings implements it.
public interface WitherRules {
  /// What must be there before a setting is allowed.
  Map<String, Map<String, Object>> NEEDS =
      Map.ofEntries(
          Map.entry("beta", Map.of("objective", "dpo")),
          Map.entry("center_rewards", Map.of("objective", "reward")),
          Map.entry("desirable_weight", Map.of("objective", "kto")),
          Map.entry("double_quant", Map.of("quantize", "nf4")),
          Map.entry("eval_steps", Map.of("eval_data", "e")),
          Map.entry("freeze", Map.of("method", "full")),
          Map.entry("generations", Map.of("objective", "grpo")),
          Map.entry("iterations", Map.of("objective", "grpo")),
          Map.entry("max_completion", Map.of("objective", "grpo")),
          Map.entry("reward", Map.of("objective", "grpo")),
          Map.entry("reward_jar", Map.of("objective", "grpo")),
          Map.entry("scale_rewards", Map.of("objective", "grpo")),
          Map.entry("temperature", Map.of("objective", "grpo")),
          Map.entry("label_smoothing", Map.of("objective", "dpo", "loss_type", "aot")),
          Map.entry("layers_pattern", Map.of("layers_to_transform", "0")),
          Map.entry("loss_type", Map.of("objective", "dpo")),
          Map.entry("margin_column", Map.of("objective", "reward")),
          Map.entry("min_tokens", Map.of("max_tokens", 400)),
          Map.entry("n", Map.of("temperature", 1)),
          Map.entry("patience", Map.of("eval_data", "e")),
          Map.entry("reference", Map.of("objective", "dpo", "init_adapter", "a")),
          Map.entry("replay_weight", Map.of("replay", "r")),
          Map.entry("rpo_alpha", Map.of("objective", "dpo")),
          Map.entry("sample_prompt", Map.of("eval_data", "e")),
          Map.entry("samples", Map.of("eval_data", "e")),
          Map.entry("shape", Map.of("objective", "kto")),
          Map.entry("top_logprobs", Map.of("logprobs", true)),
          Map.entry("undesirable_weight", Map.of("objective", "kto")),
          Map.entry("vocab_size", Map.of("tokenizer_data", "t")));

  /// What most settings allow is too much for these.
  Map<String, Object> SAMPLES =
      Map.ofEntries(
          Map.entry("bits", 8),
          Map.entry("top_logprobs", 7),
          Map.entry("judge", "https://other.example/v1"),
          Map.entry("memory", 1L << 30),
          Map.entry("network", 1e9),
          Map.entry("scale", new String[] {"0.5"}),
          Map.entry("warmup", 0.5),
          Map.entry("audit_log_size", 1L << 20),
          Map.entry("allow_origin", new String[] {"https://other.example"}),
          Map.entry("columns", new String[] {"text=other"}),
          Map.entry("eval_split", new EvalSplit.Named("other")),
          Map.entry("mixture", new String[] {"a=2x"}),
          Map.entry("label_smoothing", 0.25),
          Map.entry("loss_type", LossType.HINGE),
          Map.entry("objective", ObjectiveName.ORPO),
          Map.entry("reward", new String[] {"json=2"}),
          Map.entry("refuse_rows", new String[] {"secrets"}),
          Map.entry("replay_weight", 2.0),
          Map.entry("shape", DataShape.UNPAIRED_PREFERENCE),
          Map.entry("init", AdapterInit.parse("olora")),
          Map.entry("rank_pattern", new String[] {"a=3"}),
          Map.entry("alpha_pattern", new String[] {"a=2.5"}),
          Map.entry("layers_to_transform", "0,1"));

  /// The records, with values from which each setting can be changed.
  Stream<Withers<?>> settings();

  /// Whether a setting is changed in another way.
  boolean isOther(Withers<?> settings, SettingComponent knob);

  @TestFactory
  default Stream<DynamicTest> everySettingCanBeChanged() {
    return settings().flatMap(this::cases);
  }

  private <S extends Record> Stream<DynamicTest> cases(Withers<S> settings) {
    return schema(settings).knobs().stream()
        .filter(knob -> !isOther(settings, knob))
        .filter(knob -> knob.choices().size() != 1) // there is no other value
        .map(
            knob ->
                dynamicTest(
                    settings.getClass().getSimpleName() + " " + knob.key(),
                    () -> changesAlone(settings, knob)));
  }

  @SuppressWarnings("unchecked") // a record implements this for itself
  private static <S extends Record> void changesAlone(Withers<S> settings, SettingComponent knob)
      throws Exception {
    Map<String, Object> needs = new HashMap<>(NEEDS.getOrDefault(knob.key(), Map.of()));
    needs.keySet().retainAll(values(settings).keySet());
    Withers<S> base =
        needs.isEmpty() ? settings : withers(schema(settings).with((S) settings, needs));
    String name = "with" + knob.name().substring(0, 1).toUpperCase() + knob.name().substring(1);
    Method wither =
        Arrays.stream(base.getClass().getMethods())
            .filter(m -> m.getName().equals(name) && !m.isBridge())
            .findFirst()
            .orElse(null);
    Class<?> type = wither == null ? knob.type() : wither.getParameterTypes()[0];
    Map<String, ?> before = values(base);
    Object sample = SAMPLES.getOrDefault(knob.key(), sample(type, before.get(knob.key())));
    S changed = wither == null ? byKey(base, knob, sample) : changed(base, wither, sample);
    Map<String, ?> after = values(withers(changed));
    assertThat(after.get(knob.key())).isNotEqualTo(before.get(knob.key()));
    after.forEach(
        (key, value) -> {
          if (!key.equals(knob.key()) && !key.equals(knob.setting().unless())) {
            boolean follows =
                Set.of("method", "objective").contains(knob.key()) && key.equals("learning_rate");
            boolean excluded = knob.key().equals("steps") && key.equals("epochs");
            assertThat(follows || excluded || Objects.equals(value, before.get(key)))
                .as("%s stays", key)
                .isTrue();
          }
        });
  }

  @SuppressWarnings("unchecked")
  private static <S extends Record> S changed(Withers<S> base, Method wither, Object sample)
      throws Exception {
    return (S) wither.invoke(base, sample);
  }

  private static <S extends Record> S byKey(Withers<S> base, SettingComponent knob, Object sample) {
    return base.with(knob.key(), sample instanceof Object[] many ? List.of(many) : sample);
  }

  @SuppressWarnings("unchecked")
  private static <S extends Record> Withers<S> withers(S settings) {
    return (Withers<S>) settings;
  }

  @SuppressWarnings("unchecked") // a record implements this for itself
  private static <S extends Record> Schema<S> schema(Withers<S> settings) {
    return Schema.of((Class<S>) settings.getClass());
  }

  @SuppressWarnings("unchecked")
  private static <S extends Record> Map<String, ?> values(Withers<S> settings) {
    return schema(settings).values((S) settings);
  }

  /// A value other than the one that is there.
  private static Object sample(Class<?> type, @Nullable Object there) {
    if (type.isArray()) {
      Object one = Array.newInstance(type.getComponentType(), 1);
      Array.set(one, 0, sample(type.getComponentType(), there));
      return one;
    } else if (type == boolean.class || type == Boolean.class) {
      return !Boolean.TRUE.equals(there);
    } else if (type == int.class || type == Integer.class) {
      return 300;
    } else if (type == long.class || type == Long.class) {
      return 300L;
    } else if (type == double.class || type == Double.class) {
      return 0.5;
    } else if (type == List.class) {
      return List.of("other");
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
