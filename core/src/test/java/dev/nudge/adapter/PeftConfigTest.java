package dev.nudge.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.LayerFilter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.python.PythonFloat;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PeftConfigTest {
  @TempDir Path folder;

  /// The keys and values that PEFT 0.10.0 writes for LoraConfig(r=16, lora_alpha=32).
  private static final String PLAIN =
      """
      {
        "alpha_pattern": {},
        "auto_mapping": null,
        "base_model_name_or_path": "models/tiny",
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "layer_replication": null,
        "layers_pattern": null,
        "layers_to_transform": null,
        "loftq_config": {},
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "megatron_config": null,
        "megatron_core": "megatron.core",
        "modules_to_save": null,
        "peft_type": "LORA",
        "r": 16,
        "rank_pattern": {},
        "revision": null,
        "target_modules": [
          "q_proj",
          "v_proj"
        ],
        "task_type": "CAUSAL_LM",
        "use_dora": false,
        "use_rslora": false
      }\
      """;

  private Lora read(String json) throws IOException {
    return PeftConfig.read(Files.writeString(folder.resolve(PeftConfig.FILE), json)).where();
  }

  private Lora readWith(String keys) throws IOException {
    return read(
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"q_proj\"]"
            + (keys.isEmpty() ? "" : ", " + keys)
            + "}");
  }

  @Test
  void writesTheKeysOfPeft010() {
    Lora lora = Lora.of(16, 32, Targets.parse("q_proj,v_proj"));
    assertThat(PeftConfig.write(new LoraKind(lora), "models/tiny")).isEqualTo(PLAIN);
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    ranks.put("z.*", 3);
    ranks.put("a", 5);
    Lora full =
        new Lora(
            6,
            12.5,
            true,
            0.05,
            Targets.parse("v_proj,model.layers.1.mlp.up_proj,k_proj"),
            ranks,
            Map.of("é\n\"\\.", 1e-5),
            new Targets.Regex(".*\\.0\\..*"),
            new LayerFilter(List.of(2, 1), List.of("layers")),
            new Extras(List.of("lm_head", "norm"), Map.of("embed_tokens", List.of(9, 4)), 0, true),
            Lora.Variant.PLAIN);
    String text = PeftConfig.write(new LoraKind(full), "base");
    assertThat(text)
        .contains("\"trainable_token_indices\": {\n    \"embed_tokens\": [\n")
        .contains("\"ensure_weight_tying\": true,\n")
        .contains("\"lora_alpha\": 12.5,\n")
        .contains("\"\\u00e9\\n\\\"\\\\.\": 1e-05\n")
        .contains("\"exclude_modules\": \".*\\\\.0\\\\..*\",\n");
    Lora back = read(text);
    assertThat(back).isEqualTo(full);
    assertThat(back.rankPattern().keySet()).containsExactly("z.*", "a");
    assertThat(PeftConfig.write(new LoraKind(back), "base")).isEqualTo(text);
    assertThat(read(PLAIN)).isEqualTo(Lora.of(16, 32, Targets.parse("q_proj,v_proj")));
    Lora regex = Lora.of(1, 2, new Targets.Regex(".*_proj"));
    assertThat(read(PeftConfig.write(new LoraKind(regex), "base"))).isEqualTo(regex);
  }

  @Test
  void aConfigThatIsMissingSaysSoInWords() {
    Path none = folder.resolve("none.json");
    assertThatThrownBy(() -> PeftConfig.read(none))
        .isInstanceOf(InputException.class)
        .hasMessage(none + ": it cannot be read: no such file or folder");
  }

  @Test
  void absentKeysTakePeftsDefaults() throws IOException {
    assertThat(readWith("")).isEqualTo(Lora.of(8, 8, Targets.parse("q_proj")));
    assertThat(read("{\"peft_type\": \"LORA\", \"target_modules\": \"ALL-linear\"}").targets())
        .isEqualTo(new Targets.AllLinear());
    assertThat(readWith("\"layers_to_transform\": 3").layers())
        .isEqualTo(new LayerFilter(List.of(3), List.of()));
    assertThat(readWith("\"layers_to_transform\": []").layers()).isNull();
    assertThat(readWith("\"layers_to_transform\": [0], \"layers_pattern\": \"h\"").layers())
        .isEqualTo(new LayerFilter(List.of(0), List.of("h")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"use_dora\": false, \"use_bdlora\": null, \"lora_bias\": false, \"bias\": \"none\"",
        "\"modules_to_save\": [], \"target_parameters\": null, \"brand_new\": {}, \"other\": \"\"",
        "\"peft_version\": \"0.21.2\", \"qalora_group_size\": 32, \"revision\": \"main\"",
        "\"init_lora_weights\": \"gaussian\"",
        "\"init_lora_weights\": \"eva\", \"eva_config\": {\"rho\": 2.0}",
        "\"init_lora_weights\": false",
        "\"auto_mapping\": {\"base_model_class\": \"X\"}, \"task_type\": null",
        "\"loftq_config\": {\"loftq_bits\": 4}, \"megatron_core\": \"x\"",
      })
  void whatCannotChangeTheResultPasses(String keys) throws IOException {
    assertThat(readWith(keys)).isEqualTo(Lora.of(8, 8, Targets.parse("q_proj")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "bias | \"all\"",
        "bias | \"lora_only\"",
        "fan_in_fan_out | true",
        "layer_replication | [[0,4],[2,5]]",
        "use_qalora | true",
        "alora_invocation_tokens | [5]",
        "megatron_config | {\"a\":1}",
        "velora_config | {\"num_groups\":64}",
        "monteclora_config | {\"num_samples\":8}",
        "use_bdlora | {\"nblocks\":2}",
        "arrow_config | {\"top_k\":3}",
        "kasa_config | {\"beta\":1.0E-4}",
        "brand_new | 1",
      })
  void anyOtherKeyIsRefusedByName(String key, String value) {
    assertThatThrownBy(() -> readWith("\"" + key + "\": " + value))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(
            folder.resolve(PeftConfig.FILE) + ": " + key + " is " + value + ", which is not")
        .message()
        .doesNotContain("\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pissa", "pissa_niter_16", "olora", "corda", "loftq", "lora_ga"})
  void aBaseThatWasChangedIsRefused(String init) {
    assertThatThrownBy(() -> readWith("\"init_lora_weights\": \"" + init + "\""))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(
            "init_lora_weights is \"" + init + "\", which changes the base weights");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"peft_type\": \"VERA\"} | peft_type is \"VERA\"; supported are \"LORA\" and \"IA3\"",
        "{} | peft_type is missing; supported are \"LORA\" and \"IA3\"",
        "[] | it holds no JSON object",
        "{\"peft_type\": \"LORA\"} | target_modules is missing; it names the modules of the"
            + " adapter",
        "{\"peft_type\": \"LORA\", \"task_type\": \"TOKEN_CLS\"} | task_type is \"TOKEN_CLS\";"
            + " supported are \"CAUSAL_LM\" and \"SEQ_CLS\" (a reward model)",
        "{\"peft_type\": \"LORA\", \"target_modules\": [1]} | target_modules is [1]; it takes a"
            + " list of names or a regular expression",
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"a\"], \"r\": 0} | rank is 0; it must be"
            + " at least 1",
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"a\"], \"r\": 8.5} | r is 8.5; it takes a"
            + " whole number",
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"a\"], \"r\": null} | r is null; it takes"
            + " a whole number",
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"a\"], \"r\": 99999999999} | r is"
            + " 99999999999; it takes a whole number",
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"a\"], \"lora_alpha\": \"8\"} | lora_alpha"
            + " is \"8\"; it takes a number",
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"a\"], \"use_rslora\": 1} | use_rslora is"
            + " 1; it takes true or false",
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"a\"], \"rank_pattern\": [3]} |"
            + " rank_pattern is [3]; it takes an object of expression: number",
        "{\"peft_type\": \"LORA\", \"target_modules\": [\"a\"], \"layers_pattern\": \"h\"} |"
            + " layers_pattern is set but layers_to_transform is not",
        "{\"peft_type\": \"LORA\", \"target_modules\": \"a\", \"layers_to_transform\": 1} |"
            + " layers_to_transform needs a list of target_modules, not /a/",
        "{\"peft_type\": \"LORA\", \"target_modules\": \"(\"} | the regular expression '(' cannot"
            + " be read: Unclosed group",
      })
  void badValuesAreNamed(String json, String message) {
    assertThatThrownBy(() -> read(json))
        .isInstanceOf(InputException.class)
        .hasMessage(folder.resolve(PeftConfig.FILE) + ": " + message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "{\"r\": 1, \"r\": 2}", "{} x", "{\"r\": NaN}", "\u0000"})
  void whatIsNotJsonIsRefusedInOneLine(String text) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(folder.resolve(PeftConfig.FILE) + ": it ")
        .message()
        .doesNotContain("\n");
  }

  /// Expected: `repr` of Python 3.11.
  @ParameterizedTest
  @CsvSource({
    "0.0, 0.0",
    "-0.0, -0.0",
    "1e-5, 1e-05",
    "1e-4, 0.0001",
    "0.3333333333333333, 0.3333333333333333",
    "1e15, 1000000000000000.0",
    "1e16, 1e+16",
    "1.5e300, 1.5e+300",
    "123456.75, 123456.75",
    "-2.5e-7, -2.5e-07",
  })
  void floatsAreWrittenAsPythonDoes(double value, String text) {
    assertThat(PythonFloat.repr(value)).isEqualTo(text);
  }
}
