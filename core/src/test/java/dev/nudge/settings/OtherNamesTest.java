package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.GenerateSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Holds every name of the table to a setting that is there, or to a sentence.
class OtherNamesTest {
  private static final List<Schema<?>> SCHEMAS =
      List.of(Schema.of(TrainSettings.class), Schema.of(GenerateSettings.class));

  static Stream<String> names() {
    return OtherNames.all().keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("names")
  void aNameLeadsToASettingWithAValueItTakesOrToASentence(String name) {
    assertThat(name).matches("[a-z0-9]+(_[a-z0-9]+)*");
    for (String hint : OtherNames.all().getOrDefault(name, List.of())) {
      Map<String, String> named = OtherNames.named(hint);
      if (named.isEmpty()) {
        assertThat(hint.split(" ")).as(hint).hasSizeGreaterThan(5);
        assertThat(hint).doesNotContain("{");
        continue;
      }
      Schema<?> schema = schemaOf(named.keySet());
      assertThat(keys(schema)).as("what is a setting needs no hint").doesNotContain(name);
      named.forEach(
          (key, value) -> {
            SettingComponent knob =
                schema.knobs().stream().filter(k -> k.key().equals(key)).findFirst().get();
            if (!value.isEmpty()) {
              assertThat(knob.kind().read(knob, value, Layer.of(Map.of()))).isNotNull();
            }
          });
    }
  }

  /// A verb's settings that hold all of these keys.
  private static Schema<?> schemaOf(Set<String> keys) {
    return SCHEMAS.stream()
        .filter(schema -> keys(schema).containsAll(keys))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no verb has all of " + keys));
  }

  private static List<String> keys(Schema<?> schema) {
    return schema.knobs().stream().map(SettingComponent::key).toList();
  }

  /// What the four tools' first pages show.
  @ParameterizedTest
  @CsvSource({
    "lr, --learning-rate",
    "lora-r, --rank",
    "lora-alpha, --alpha",
    "lora-dropout, --dropout",
    "max-steps, --steps",
    "num-train-epochs, --epochs",
    "load-in-4bit, --quantize nf4",
    "target-modules, --targets",
    "lora-target-linear, --targets all-linear",
    "per-device-train-batch-size, --batch-size",
    "gradient-accumulation-steps, --batch-size",
    "micro-batch-size, --batch-size",
    "max-seq-length, --max-length",
    "sequence-len, --max-length",
    "output-dir, --out",
    "adapter-path, --out",
    "model-name-or-path, --model",
    "base-model, --model",
    "dataset-name, --data",
    "bf16, --compute bf16",
    "iters, --steps",
    "val-set-size, --eval-split",
    "lr-scheduler-type, --schedule",
    "warmup-ratio, --warmup",
    "optim, --optimizer",
    "use-rslora, --rs-lora",
    "num-epochs, --epochs",
    "resume-adapter-file, --init-adapter",
    "fine-tune-type, --method",
    "steps-per-eval, --eval-steps",
    "logging-steps, --out",
    "gradient-checkpointing, --memory",
    "use-dora, --dora",
    "lora-modules-to-save, --modules-to-save",
    "resume-from-checkpoint, --resume",
    "early-stopping-patience, --patience",
    "chat-template, --template",
    "save-strategy, --save-steps",
    "bnb-4bit-compute-dtype, --compute",
    "dataset-text-field, --completion"
  })
  void whatUsersOfOtherToolsTypeLeadsHere(String name, String flag) {
    List<String> flags =
        Schema.of(TrainSettings.class).knobs().stream().map(SettingComponent::flag).toList();
    assertThat(OtherNames.flagHint("--" + name, flags)).contains(" " + flag);
    assertThat(OtherNames.flagHint("--" + name.replace('-', '_'), flags)).contains(" " + flag);
    String key = flag.substring(2).replace(" ", ": ").replace('-', '_').replace("all_l", "all-l");
    assertThatThrownBy(
            () ->
                Schema.of(TrainSettings.class)
                    .read(List.of(Layer.of("run.yaml", values(name.replace('-', '_'))))))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("run.yaml: unknown key '" + name.replace('-', '_') + "'; ")
        .hasMessageContaining(" " + key);
  }

  private static Map<String, Object> values(String key) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put(key, 1);
    return values;
  }

  @Test
  void whatThereIsNotIsSaid() {
    for (String name :
        List.of(
            "--deepspeed",
            "--fsdp",
            "--push_to_hub",
            "--save_total_limit",
            "--attn_implementation",
            "--use_flash_attention_2",
            "--use_liger_kernel",
            "--gpu",
            "--device",
            "--cuda")) {
      assertThat(OtherNames.flagHint(name, List.of()))
          .as(name)
          .containsPattern("not supported|leave it out|nothing to set");
    }
  }

  @Test
  void aVerbWithoutTheSettingSaysWhatIsNear() {
    List<String> few = List.of("--model", "--out");
    assertThat(OtherNames.flagHint("--lora-r", few)).isEmpty();
    assertThat(OtherNames.flagHint("--modle", few)).isEqualTo("; did you mean --model?");
    assertThat(OtherNames.flagHint("-lr", few)).isEmpty();
    assertThat(OtherNames.flagHint("-r", few)).isEmpty();
    assertThat(OtherNames.flagHint("-r", List.of("--rank"))).isEqualTo("; here it is --rank");
  }
}
