package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.train.LoopSettings;
import dev.nudge.settings.train.LoraSettings;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.train.Schedule;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.train.Warmup;
import dev.nudge.settings.verb.ChatSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.GenerateSettings;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchemaTest {
  private static final Schema<TrainSettings> TRAIN = Schema.of(TrainSettings.class);
  private static final Map<String, Object> REQUIRED =
      Map.of("model", "m", "data", "rows.jsonl", "out", "o");

  @Test
  void defaultsAreThoseOfTheInterface() {
    TrainSettings s = TrainSettings.of(REQUIRED);
    assertThat(s.model().model()).isEqualTo(Path.of("m"));
    assertThat(s.model().compute()).isEqualTo(Compute.AUTO);
    assertThat(s.data().data()).containsExactly("rows.jsonl");
    assertThat(s.lora().rank()).isEqualTo(16);
    assertThat(s.lora().alpha()).isEqualTo(32);
    assertThat(s.lora().targets()).isEqualTo("all-linear");
    assertThat(s.optimizer().learningRate().isAuto()).isTrue();
    assertThat(s.optimizer().schedule()).isEqualTo(Schedule.LINEAR);
    assertThat(s.optimizer().warmup()).isEqualTo(new Warmup(0.03));
    assertThat(s.optimizer().maxGradNorm()).isEqualTo(1);
    assertThat(s.optimizer().beta2()).isEqualTo(0.999);
    assertThat(s.optimizer().epsilon()).isEqualTo(1e-8);
    assertThat(s.loop()).isEqualTo(new LoopSettings(null, 1.0, 16, 0, true, List.of()));
    assertThat(s.memory()).isNull();
    assertThat(s.given().keys()).containsExactlyInAnyOrder("model", "data", "out");
  }

  @Test
  void flagsAndKeysComeFromComponentNames() {
    assertThat(TRAIN.knobs())
        .extracting(SettingComponent::flag)
        .containsExactlyInAnyOrder(
            ("--model --data --eval-data --prompt --completion --shape --columns --sql --template"
                    + " --train-on --eval-split --drop-rows --refuse-rows --mixture --skip-bad-rows"
                    + " --truncate --split --concatenate --out --overwrite --init-adapter --registry"
                    + " --init --method --freeze --quantize --double-quant --rank --alpha --dropout"
                    + " --targets --modules-to-save --add-tokens --rs-lora --learning-rate --schedule"
                    + " --warmup --warmup-from-zero --weight-decay --max-grad-norm --optimizer --beta1"
                    + " --beta2 --epsilon --lora-plus --dora --lora-bias --rank-pattern"
                    + " --alpha-pattern --exclude-modules --layers-to-transform --layers-pattern"
                    + " --steps --epochs --batch-size --max-length --seed --shuffle --compute --lanes"
                    + " --threads --memory --price-per-hour --eval-steps --save-steps --dry-run"
                    + " --any-base --resume --keep --disk-wait --patience --samples --sample-prompt"
                    + " --sample-tokens --on-divergence --on-event --objective --beta --loss-type"
                    + " --label-smoothing --rpo-alpha --reference --desirable-weight"
                    + " --undesirable-weight --margin-column --center-rewards --router-aux-loss-coef"
                    + " --expert-adapters --generations --max-completion --temperature --scale-rewards"
                    + " --iterations --reward --reward-jar --replay --replay-weight")
                .split(" "));
    assertThat(TRAIN.knobs())
        .extracting(SettingComponent::key)
        .contains("max_grad_norm", "rs_lora");
  }

  @Test
  void laterLayersOverrideEarlierOnes() {
    Layer file = Layer.of("run.yaml", Map.of("rank", 8, "alpha", 8, "data", List.of("a", "b")));
    Layer flags = Layer.of(with("rank", "4"));
    TrainSettings s = TRAIN.read(List.of(file, flags));
    assertThat(s.lora().rank()).isEqualTo(4);
    assertThat(s.lora().alpha()).isEqualTo(8);
    assertThat(s.given().contains("rank")).isTrue();
    assertThat(s.given().contains("dropout")).isFalse();
  }

  @Test
  void theRateOfAnObjectiveIsADefaultOfItsOwn() {
    TrainSettings dpo = TrainSettings.of(with("objective", "dpo"));
    assertThat(dpo.optimizer().learningRate().value()).isEqualTo(1e-5);
    assertThat(dpo.with("objective", "sft").optimizer().learningRate().isAuto()).isTrue();
    assertThat(dpo.with("learning_rate", 1e-3).with("seed", 1).optimizer().learningRate().value())
        .isEqualTo(1e-3);
    assertThat(dpo.with("method", Method.FULL).optimizer().learningRate().value()).isEqualTo(1e-6);
    assertThat(TrainSettings.of(with("learning_rate", "auto")).optimizer().learningRate().isAuto())
        .isTrue();
    assertThatThrownBy(() -> dpo.withAutoLearningRate())
        .isInstanceOf(InputException.class)
        .hasMessage(
            "withLearningRate auto is known for withObjective sft alone; give a number, or leave it"
                + " out");
  }

  @Test
  void stepsOfALaterLayerOverrideEpochsOfAnEarlierOne() {
    Layer file = Layer.of("run.yaml", Map.of("epochs", 3));
    TrainSettings s = TRAIN.read(List.of(file, Layer.of(with("steps", "20"))));
    assertThat(s.loop().steps()).isEqualTo(20);
    assertThat(s.loop().epochs()).isNull();
    assertThat(s.with("epochs", 0.5).loop().steps()).isNull();
  }

  @Test
  void writtenValuesReadBackAsTheSameSettings() {
    Map<String, @Nullable Object> given = with("memory", "1.5G");
    given.put("warmup", "100");
    given.put("schedule", "wsd");
    TrainSettings s = TrainSettings.of(given);
    Map<String, @Nullable Object> written = new LinkedHashMap<>(s.values());
    assertThat(written).containsEntry("schedule", "wsd").containsEntry("warmup", 100L);
    assertThat(written).containsEntry("memory", 1_610_612_736L).containsEntry("steps", null);
    TrainSettings back = TRAIN.read(List.of(Layer.of("run.yaml", written)));
    assertThat(back.values()).isEqualTo(s.values());
    assertThat(s.with("rank", 8).lora().rank()).isEqualTo(8);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          rank           | 0     | --rank is 0; it must be at least 1
          rank           | -3    | --rank is -3; it must be at least 1
          rank           | 1.5   | --rank is '1.5'; it must be a whole number
          rank           | lots  | --rank is 'lots'; it must be a whole number
          rank           | 9999999999 | --rank is 9999999999; it must fit in 32 bits (at most 2147483647)
          alpha          | 0     | --alpha is 0; it must be above 0
          dropout        | 1     | --dropout is 1; it must be at least 0 and below 1
          dropout        | -0.1  | --dropout is -0.1; it must be at least 0 and below 1
          learning_rate  | 0     | --learning-rate is '0'; it must be a number above 0, or auto
          learning_rate  | NaN   | --learning-rate is 'NaN'; it must be a number above 0, or auto
          learning_rate  | 1e999 | --learning-rate is '1e999'; it must be a number above 0, or auto
          warmup         | 1.5   | --warmup is '1.5'; it must be a whole number of steps, or a share of at least 0 below 1
          warmup         | -1    | --warmup is '-1'; it must be a whole number of steps, or a share of at least 0 below 1
          warmup         | some  | --warmup is 'some'; it must be a whole number of steps, or a share of at least 0 below 1
          weight_decay   | -1    | --weight-decay is -1; it must be 0 or more
          beta1          | 1     | --beta1 is 1; it must be at least 0 and below 1
          epsilon        | 0     | --epsilon is 0; it must be above 0
          steps          | 0     | --steps is 0; it must be at least 1
          epochs         | 0     | --epochs is 0; it must be above 0
          batch_size     | 0     | --batch-size is 0; it must be at least 1
          max_length     | 1     | --max-length is 1; it must be at least 2
          seed           | -1    | --seed is -1; it must be at least 0
          lanes          | 0     | --lanes is 0; it must be at least 1
          memory         | much  | --memory is 'much'; it must be an amount such as 8G, 1.5G or 900M
          method         | vera  | --method is 'vera'; supported: lora, ia3, full
          quantize       | int8  | --quantize is 'int8'; supported: none, nf4
          optimizer      | adamw-4bit | --optimizer is 'adamw-4bit'; supported: adamw, adamw-8bit
          schedule       | Linear | --schedule is 'Linear'; supported: constant, linear, cosine, wsd
          compute        | fp16  | --compute is 'fp16'; supported: auto, bf16, fp32
          targets        | q_proj,,v_proj | --targets is 'q_proj,,v_proj'; it must not have an empty entry
          targets        | /q(/  | --targets is '/q(/': the regular expression 'q(' cannot be read: Unclosed group
          eval_steps     | 5     | --eval-steps is given without held-out rows; add --eval-data or --eval-split
          model          | ''    | --model is ''; it must be a path
          rnak           | 5     | unknown key 'rnak'; did you mean rank?
          """)
  void aWrongValueIsToldInOneLine(String key, String value, String message) {
    assertThatThrownBy(() -> TrainSettings.of(with(key, value)))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }

  @Test
  void aFileHasTypesOfItsOwn() {
    assertFile("rank", "16", "run.yaml: rank is '16'; it must be a whole number");
    assertFile("rank", 16.0, "run.yaml: rank is 16.0; it must be a whole number");
    assertFile("overwrite", "yes", "run.yaml: overwrite is 'yes'; it must be true or false");
    assertFile("prompt", 5, "run.yaml: prompt is 5; it must be text");
    assertFile("prompt", List.of("a"), "run.yaml: prompt is [a]; it must be text");
    assertFile("targets", List.of(), "run.yaml: targets is []; it must be text");
    assertFile("model", 5, "run.yaml: model is 5; it must be a path");
    assertFile(
        "data", Map.of("a", 1), "run.yaml: data is {a=1}; it must be text or a list of texts");
    assertFile(
        "learning_rate",
        Double.NaN,
        "run.yaml: learning_rate is NaN; it must be a number above 0, or auto");
    assertFile("batch-size", 4, "run.yaml: unknown key 'batch-size'; did you mean batch_size?");
    assertFile("rank", 0, "--rank is 0; it must be at least 1 (in run.yaml)");
    Map<String, @Nullable Object> lists = with("targets", List.of("q_proj", "v_proj"));
    lists.put("layers_to_transform", List.of(0, 1));
    LoraSettings lora = TRAIN.read(List.of(Layer.of("f", lists))).lora();
    assertThat(lora.targets()).isEqualTo("q_proj,v_proj");
    assertThat(lora.variant().layers()).containsExactly(0, 1);
    assertThat(TRAIN.read(List.of(Layer.of("f", with("learning_rate", 1)))).optimizer())
        .extracting(OptimizerSettings::highestRate)
        .isEqualTo(1.0);
  }

  @Test
  void aFolderWithASignIsNoNameOfAnAdapter() {
    assertThat(ChatSettings.nameEnd("one=sweep/rank=8")).isEqualTo(3);
    assertThat(ChatSettings.nameEnd("sweep/rank=8")).isEqualTo(-1);
    ChatSettings chat = ChatSettings.of(Path.of("m")).withAdapter(List.of("sweep/rank=8"));
    assertThat(chat.adapters()).containsOnlyKeys("rank-8");
    assertThat(chat.withAdapter(List.of("rank-8=sweep/rank=8")).adapters())
        .isEqualTo(chat.adapters());
  }

  @Test
  void aKeyWithoutValueIsRefusedWhereThereIsADefault() {
    Map<String, @Nullable Object> values = with("lanes", null);
    assertThat(TRAIN.read(List.of(Layer.of("f", values))).model().lanes()).isNull();
    values.put("rank", null);
    assertThatThrownBy(() -> TRAIN.read(List.of(Layer.of("f", values))))
        .hasMessage("f: rank has no value; it must be a whole number");
  }

  @Test
  void bothLengthsOrNoRequiredSettingAreRefused() {
    Map<String, @Nullable Object> both = with("steps", 5);
    both.put("epochs", 2);
    assertThatThrownBy(() -> TrainSettings.of(both))
        .hasMessage("--steps and --epochs are both given; a run has either, so leave one out");
    assertThatThrownBy(() -> TrainSettings.of(Map.of("model", "m")))
        .hasMessage("--data and --out are missing; they are required");
    assertThatThrownBy(() -> TrainSettings.of(Map.of("model", "m", "data", "d")))
        .hasMessage("--out is missing; it is required");
  }

  @Test
  void generateNeedsAPromptOrRows() {
    assertThatThrownBy(() -> GenerateSettings.of(Map.of("model", "m")))
        .hasMessage("--prompt and --data are both missing; give one");
    GenerateSettings one = GenerateSettings.of(Map.of("model", "m", "prompt", "-x"));
    assertThat(one.rows()).isNull();
    assertThat(one.sampling().temperature()).isZero();
    assertThatThrownBy(() -> GenerateSettings.of(Map.of("model", "m", "prompt", "p", "top_p", 0)))
        .hasMessage("--top-p is 0; it must be above 0 and at most 1");
  }

  @Test
  void warmupIsStepsOrAShareRoundedUp() {
    assertThat(Warmup.parse("0.03").steps(101)).isEqualTo(4);
    assertThat(Warmup.parse("0.03").steps(100)).isEqualTo(3);
    assertThat(Warmup.parse("1").steps(100)).isEqualTo(1);
    assertThat(Warmup.parse("0").steps(100)).isZero();
  }

  private static void assertFile(String key, Object value, String message) {
    assertThatThrownBy(() -> TRAIN.read(List.of(Layer.of("run.yaml", with(key, value)))))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }

  private static Map<String, @Nullable Object> with(String key, @Nullable Object value) {
    Map<String, @Nullable Object> values = new HashMap<>(REQUIRED);
    values.put(key, value);
    return values;
  }
}
