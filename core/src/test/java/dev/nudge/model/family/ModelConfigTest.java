package dev.nudge.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.model.rope.RopeParameters;
import dev.nudge.model.rope.Turning;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Against what transformers makes of the same files (`src/test/reference/rope.py`), and the lines
/// of wrong ones.
class ModelConfigTest {
  private static final JsonMapper JSON = new JsonMapper();

  @TempDir Path folder;

  private ModelConfig load(String json) throws IOException {
    Files.writeString(folder.resolve("config.json"), json);
    return ModelConfig.load(folder);
  }

  static Stream<Arguments> golden() throws IOException {
    try (InputStream in = ModelConfigTest.class.getResourceAsStream("/golden/rope.json")) {
      JsonNode cases = JSON.readTree(Objects.requireNonNull(in, "golden/rope.json"));
      return cases.properties().stream().map(c -> Arguments.of(c.getKey(), c.getValue()));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("golden")
  void valuesAreThoseOfTransformers(String name, JsonNode golden) throws IOException {
    ModelConfig c = load(golden.get("config").toString());
    JsonNode want = golden.get("expected");
    assertThat(c.hiddenSize()).isEqualTo(want.get("hidden_size").intValue());
    assertThat(c.intermediateSize()).isEqualTo(want.get("intermediate_size").intValue());
    assertThat(c.numHiddenLayers()).isEqualTo(want.get("num_hidden_layers").intValue());
    assertThat(c.numAttentionHeads()).isEqualTo(want.get("num_attention_heads").intValue());
    assertThat(c.numKeyValueHeads()).isEqualTo(want.get("num_key_value_heads").intValue());
    assertThat(c.headDim()).isEqualTo(want.get("head_dim").intValue());
    assertThat(c.vocabSize()).isEqualTo(want.get("vocab_size").intValue());
    assertThat(c.maxPositionEmbeddings()).isEqualTo(want.get("max_position_embeddings").intValue());
    assertThat(c.rmsNormEps()).isEqualTo(want.get("rms_norm_eps").doubleValue());
    assertThat(c.tieWordEmbeddings()).isEqualTo(want.get("tie_word_embeddings").booleanValue());
    assertThat(c.layers().getFirst().biases().out())
        .isEqualTo(want.get("attention_bias").booleanValue());
    assertThat(c.layers().getFirst().biases().mlp()).isEqualTo(want.get("mlp_bias").booleanValue());
    JsonNode eos = want.get("eos_token_id");
    assertThat(c.eosTokenIds())
        .isEqualTo(
            eos.isNull()
                ? List.of()
                : eos.isArray()
                    ? eos.values().stream().map(JsonNode::intValue).toList()
                    : List.of(eos.intValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("golden")
  void rotaryFrequenciesAreThoseOfTransformers(String name, JsonNode golden) throws IOException {
    ModelConfig c = load(golden.get("config").toString());
    assertThat(turning(c).rope()).isEqualTo(rope(golden.get("rope")));
    double[] frequencies = frequencies(c);
    assertThat(frequencies).hasSize(golden.get("inv_freq").size());
    for (int i = 0; i < frequencies.length; i++) {
      float want = golden.get("inv_freq").get(i).floatValue();
      assertThat(frequencies[i]).isEqualTo((float) frequencies[i]);
      // PyTorch's float32 power is off by one unit in about 1 of 300; the rest is the same bits.
      assertThat((double) Math.abs((float) frequencies[i] - want))
          .as("frequency %d", i)
          .isLessThanOrEqualTo(Math.ulp(want));
    }
  }

  private static double[] frequencies(ModelConfig c) {
    return turning(c).rope().inverseFrequencies(turning(c).width());
  }

  private static Turning turning(ModelConfig c) {
    return Objects.requireNonNull(c.layers().getFirst().turning());
  }

  private static RopeParameters rope(JsonNode r) {
    double theta = r.get("rope_theta").doubleValue();
    return switch (r.get("rope_type").stringValue()) {
      case "default" -> new RopeParameters.Default(theta);
      case "linear" -> new RopeParameters.Linear(theta, r.get("factor").doubleValue());
      case "llama3" ->
          new RopeParameters.Llama3(
              theta,
              r.get("factor").doubleValue(),
              r.get("low_freq_factor").doubleValue(),
              r.get("high_freq_factor").doubleValue(),
              r.get("original_max_position_embeddings").intValue());
      default -> throw new AssertionError(r);
    };
  }

  @Test
  void allButOneFrequencyInAHundredHaveTheBitsOfTransformers() throws IOException {
    int same = 0;
    int all = 0;
    for (Arguments golden : golden().toList()) {
      JsonNode node = (JsonNode) golden.get()[1];
      double[] frequencies = frequencies(load(node.get("config").toString()));
      for (int i = 0; i < frequencies.length; i++, all++) {
        same += frequencies[i] == node.get("inv_freq").get(i).floatValue() ? 1 : 0;
      }
    }
    assertThat(all - same).isLessThanOrEqualTo(all / 100);
  }

  @Test
  void generationConfigAddsEndTokens() throws IOException {
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [2, 7]}");
    assertThat(load("{\"model_type\": \"llama\", \"eos_token_id\": 7}").eosTokenIds())
        .containsExactly(7, 2);
    ModelConfig none = load("{\"model_type\": \"llama\", \"eos_token_id\": null}");
    assertThat(none.eosTokenIds()).containsExactly(2, 7);
  }

  @Test
  void tensorsAreThoseOfACheckpoint() throws IOException {
    String sizes =
        "\"hidden_size\": 8, \"head_dim\": 6, \"num_attention_heads\": 4, \"num_key_value_heads\":"
            + " 2, \"intermediate_size\": 10, \"vocab_size\": 11, \"num_hidden_layers\": 2";
    ModelConfig plain = load("{\"model_type\": \"llama\", " + sizes + "}");
    assertThat(plain.tensors().keySet())
        .hasSize(2 * 9 + 3)
        .startsWith(
            "model.embed_tokens.weight",
            "model.layers.0.input_layernorm.weight",
            "model.layers.0.self_attn.q_proj.weight")
        .endsWith("model.layers.1.mlp.down_proj.weight", "model.norm.weight", "lm_head.weight");
    assertThat(plain.tensors().get("model.layers.1.self_attn.q_proj.weight"))
        .containsExactly(24, 8);
    assertThat(plain.tensors().get("model.layers.1.self_attn.k_proj.weight"))
        .containsExactly(12, 8);
    assertThat(plain.tensors().get("model.layers.1.self_attn.o_proj.weight"))
        .containsExactly(8, 24);
    assertThat(plain.tensors().get("model.layers.1.mlp.down_proj.weight")).containsExactly(8, 10);
    long layer = 24 * 8 * 2 + 12 * 8 * 2 + 3 * 80 + 2 * 8;
    assertThat(plain.parameters()).isEqualTo(2 * layer + 2 * 88 + 8);

    ModelConfig other =
        load(
            "{\"model_type\": \"llama\", \"tie_word_embeddings\": true, \"attention_bias\": true,"
                + " \"mlp_bias\": true, "
                + sizes
                + "}");
    assertThat(other.tensors()).hasSize(2 * 16 + 2).doesNotContainKey("lm_head.weight");
    assertThat(other.tensors().get("model.layers.0.self_attn.k_proj.bias")).containsExactly(12);
    assertThat(other.tensors().get("model.layers.0.self_attn.o_proj.bias")).containsExactly(8);
    assertThat(other.tensors().get("model.layers.0.mlp.up_proj.bias")).containsExactly(10);
    long biases = 24 + 12 + 12 + 8 + 10 + 10 + 8;
    assertThat(other.parameters()).isEqualTo(2 * (layer + biases) + 88 + 8);
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        Arguments.of("", ": is empty; a JSON object is needed"),
        Arguments.of("[]", ": is []; a JSON object is needed"),
        Arguments.of("{\n\"a\" 1}", ": is not valid JSON at line 2: "),
        Arguments.of("{} {}", ": is not valid JSON"),
        Arguments.of("{}", ": model_type is missing; it is needed"),
        Arguments.of(
            "{\"model_type\": \"deepseek_v3\"}",
            ": model_type \"deepseek_v3\" is not supported; supported: llama, mistral,"
                + " ministral3, mistral3, qwen2, qwen3,"),
        Arguments.of("{\"model_type\": 3}", ": model_type is 3; a string is needed"),
        llama(
            "\"hidden_act\": \"gelu\"", ": hidden_act \"gelu\" is not supported; supported: silu"),
        llama(
            "\"quantization_config\": {\"quant_method\": \"hqq\"}",
            ": quantization_config.quant_method \"hqq\" is not supported; supported: bitsandbytes"
                + " (4-bit nf4), awq, gptq, compressed-tensors, mxfp4, fp8"),
        llama(
            "\"quantization_config\": {\"load_in_8bit\": true}",
            ": quantization_config.load_in_8bit is true; 8-bit weights are not supported, 4-bit nf4"
                + " is"),
        llama(
            "\"quantization_config\": {\"load_in_4bit\": true}",
            ": quantization_config.bnb_4bit_quant_type \"fp4\" is not supported; supported: nf4"),
        llama(
            "\"hidden_size\": 0", ": hidden_size is 0; a whole number from 1 to 4194304 is needed"),
        llama("\"hidden_size\": -8", ": hidden_size is -8; a whole number"),
        llama("\"hidden_size\": 8.0", ": hidden_size is 8.0; a whole number"),
        llama("\"hidden_size\": null", ": hidden_size is null; a whole number"),
        llama("\"hidden_size\": \"8\"", ": hidden_size is the string \"8\"; a whole number"),
        llama("\"vocab_size\": 99999999999999999999", ": vocab_size is 99999999999999999999; a"),
        llama(
            "\"num_attention_heads\": 8, \"num_key_value_heads\": 3",
            ": num_attention_heads 8 is not a multiple of num_key_value_heads 3"),
        llama(
            "\"num_attention_heads\": 2, \"num_key_value_heads\": 4",
            ": num_attention_heads 2 is not a multiple of num_key_value_heads 4"),
        llama(
            "\"hidden_size\": 30, \"num_attention_heads\": 4",
            ": hidden_size 30 is not a multiple of num_attention_heads 4, and head_dim is not"),
        llama("\"head_dim\": 7", ": head_dim 7 is odd; an even one is needed"),
        llama(
            "\"hidden_size\": 28, \"num_attention_heads\": 4",
            ": head_dim 7 (hidden_size 28 / num_attention_heads 4) is odd"),
        llama(
            "\"head_dim\": 4194304", ": num_attention_heads 32 times head_dim 4194304 is above 4"),
        llama("\"rms_norm_eps\": -1", ": rms_norm_eps is -1.0; 0 to 1 is allowed"),
        llama("\"rms_norm_eps\": \"x\"", ": rms_norm_eps is the string \"x\"; a number is"),
        llama("\"tie_word_embeddings\": 1", ": tie_word_embeddings is 1; true or false is"),
        llama("\"rope_theta\": 0", ": rope_theta is 0.0; a number above 0 is needed"),
        llama("\"rope_theta\": 1e999", ": rope_theta is Infinity; a number above 0 is needed"),
        llama("\"rope_theta\": null", ": rope_theta is null; a number is needed"),
        llama("\"rope_scaling\": \"linear\"", ": rope_scaling is the string \"linear\"; an obj"),
        llama(
            "\"rope_scaling\": {\"type\": \"mrope\", \"factor\": 2}",
            ": rope_scaling.rope_type \"mrope\" is not supported; supported: default, linear,"
                + " dynamic,"),
        llama(
            "\"rope_scaling\": {\"type\": \"yarn\"}",
            ": rope_scaling.factor is missing; it is needed"),
        llama(
            "\"rope_parameters\": {\"rope_type\": \"dynamic\"}",
            ": rope_parameters.factor is missing; it is needed"),
        llama(
            "\"rope_scaling\": {\"type\": \"linear\"}",
            ": rope_scaling.factor is missing; it is needed"),
        llama(
            "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}",
            ": rope_scaling.factor is 0.0; a number above 0 is needed"),
        llama(
            "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2, \"partial_rotary_factor\":"
                + " 0.5}",
            ": rope_scaling.partial_rotary_factor is 0.5; only 1 is supported"),
        llama(
            "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1}",
            ": rope_scaling.high_freq_factor is missing; it is needed"),
        llama(
            "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4,"
                + " \"high_freq_factor\": 4}",
            ": rope_scaling.high_freq_factor 4.0 is not above low_freq_factor 4.0"),
        llama(
            "\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1, 2], \"long_factor\":"
                + " [1]}",
            ": short_factor and long_factor have 2 and 1 numbers; 64 are needed, one for two"),
        family(
            "phi3",
            "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}",
            ": rope_scaling.rope_type \"linear\" is not supported; supported: default, longrope,"),
        family(
            "phi3",
            "\"rope_scaling\": {\"type\": \"su\", \"short_factor\": [1, 2]}",
            ": rope_scaling.short_factor is a list of 2; a list of 48 is needed"),
        family(
            "phi3",
            "\"partial_rotary_factor\": 1.5",
            ": partial_rotary_factor is 1.5; above 0 to 1 is allowed"),
        family(
            "glm4",
            "\"partial_rotary_factor\": 0.01",
            ": partial_rotary_factor gives 1 dimensions; an even number is needed"),
        family("gemma3", "\"vocab_size\": 8", ": text_config is missing; it is needed"),
        family(
            "gemma2",
            "\"use_bidirectional_attention\": true",
            ": use_bidirectional_attention is true; causal attention is supported"),
        family(
            "gemma2",
            "\"hidden_activation\": \"relu\"",
            ": hidden_activation \"relu\" is not supported; supported: gelu_pytorch_tanh"),
        family(
            "gemma2",
            "\"query_pre_attn_scalar\": 0",
            ": query_pre_attn_scalar is 0.0; a number above 0 is needed"),
        family(
            "gemma2",
            "\"final_logit_softcapping\": -3",
            ": final_logit_softcapping is -3.0; a number above 0 is needed"),
        family("granite", "\"logits_scaling\": 0", ": logits_scaling is 0.0; a number above 0 is"),
        family(
            "mistral", "\"sliding_window\": 0", ": sliding_window is 0; a whole number from 1 to"),
        family(
            "qwen2",
            "\"layer_types\": [\"full_attention\"]",
            ": layer_types is a list of 1; a list of 32 is needed"),
        family(
            "qwen3",
            "\"num_hidden_layers\": 1, \"layer_types\": [\"chunked_attention\"]",
            ": layer_types \"chunked_attention\" is not supported; supported: sliding_attention,"),
        family(
            "qwen3",
            "\"num_hidden_layers\": 1, \"layer_types\": [\"sliding_attention\"]",
            ": layer_types has sliding_attention, but sliding_window gives no window"),
        family(
            "smollm3",
            "\"no_rope_layers\": [1, 0]",
            ": no_rope_layers is a list of 2; a list of 36 is needed"),
        family(
            "lfm2",
            "\"num_hidden_layers\": 1, \"layer_types\": [\"mamba\"]",
            ": layer_types \"mamba\" is not supported; supported: conv, full_attention"),
        family(
            "lfm2",
            "\"num_hidden_layers\": 1, \"layer_types\": [\"conv\"]",
            ": no layer is full_attention; at least one is needed"),
        family(
            "lfm2",
            "\"num_hidden_layers\": 2, \"full_attn_idxs\": [2]",
            ": full_attn_idxs has 2; numbers of layers from 0 to 1 are needed"),
        family(
            "qwen3_5_text",
            "\"num_hidden_layers\": 1, \"layer_types\": [\"linear_attention\"]",
            ": no layer is full_attention; at least one is needed"),
        family(
            "qwen3_5_text",
            "\"linear_num_value_heads\": 24",
            ": linear_num_value_heads 24 is not a multiple of linear_num_key_heads 16"),
        family(
            "qwen3_5_text",
            "\"linear_conv_kernel_dim\": 1",
            ": linear_conv_kernel_dim is 1; 2 to 64 is allowed"),
        family("qwen3_5", "\"hidden_size\": 8", ": text_config is missing; it is needed"),
        family(
            "ministral3",
            "\"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": 4}",
            ": rope_parameters.llama_4_scaling_beta is missing; it is needed"),
        llama("\"eos_token_id\": \"</s>\"", ": eos_token_id is the string \"</s>\"; a token id"),
        llama("\"eos_token_id\": [1, 2.5]", ": eos_token_id is [1,2.5]; a token id or a list"),
        llama(
            "\"vocab_size\": 5, \"vocab_size\": 6",
            ": is not valid JSON at line 1: the name \"vocab_size\" comes twice"));
  }

  static Arguments llama(String json, String line) {
    return family("llama", json, line);
  }

  static Arguments family(String type, String json, String line) {
    return Arguments.of("{\"model_type\": \"" + type + "\", " + json + "}", line);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("mistakes")
  void aWrongConfigIsRefusedInOneLine(String json, String line) {
    assertThatThrownBy(() -> load(json))
        .isInstanceOf(InputException.class)
        .message()
        .startsWith(folder.resolve("config.json") + line)
        .doesNotContain("\n");
  }

  @Test
  void aWrongFolderIsRefusedInOneLine() throws IOException {
    Path absent = folder.resolve("absent");
    assertThatThrownBy(() -> ModelConfig.load(absent))
        .isInstanceOf(InputException.class)
        .hasMessage(absent + ": no such model folder");
    Path file = Files.createFile(folder.resolve("file"));
    assertThatThrownBy(() -> ModelConfig.load(file))
        .isInstanceOf(InputException.class)
        .hasMessage(
            file + ": is a file; a model folder with config.json, or a GGUF file is needed");
    Path gguf = Files.writeString(folder.resolve("model.gguf"), "GGUF\u0003\0\0\0");
    assertThatThrownBy(() -> ModelConfig.load(gguf))
        .isInstanceOf(InputException.class)
        .hasMessage(gguf + ": is cut off in its header, at byte 8 of 8");
    assertThatThrownBy(() -> ModelConfig.load(folder))
        .isInstanceOf(InputException.class)
        .hasMessage(
            folder
                + ": holds no config.json; it holds GGUF files; give one, such as --model "
                + gguf);
    Files.delete(gguf);
    assertThatThrownBy(() -> ModelConfig.load(folder))
        .isInstanceOf(InputException.class)
        .hasMessage(
            folder
                + ": holds no config.json; a model folder as transformers saves it, or a GGUF file"
                + " is needed");
    Files.createFile(folder.resolve("adapter_config.json"));
    assertThatThrownBy(() -> ModelConfig.load(folder))
        .hasMessageEndingWith("; it is an adapter, the model is its base");
    Files.createDirectory(folder.resolve("config.json"));
    assertThatThrownBy(() -> ModelConfig.load(folder)).isInstanceOf(InputException.class);
    Files.delete(folder.resolve("config.json"));
    Files.write(folder.resolve("config.json"), new byte[] {'{', (byte) 0xff, '}'});
    assertThatThrownBy(() -> ModelConfig.load(folder)).hasMessageEndingWith(": is not UTF-8");
  }
}
