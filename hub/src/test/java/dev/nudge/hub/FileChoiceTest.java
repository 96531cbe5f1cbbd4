package dev.nudge.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class FileChoiceTest {
  private static List<HubFile> files(String... paths) {
    return Arrays.stream(paths)
        .map(path -> new HubFile(path, 1, "0".repeat(40), null, null))
        .toList();
  }

  private static List<String> chosen(FileChoice choice, String name, String... paths) {
    return choice.of(RepoName.parse(name), files(paths)).stream().map(HubFile::path).toList();
  }

  @Test
  void ofAModelOneLayoutOfTheWeightsIsTakenAndNothingThatRuns() {
    assertThat(
            chosen(
                FileChoice.MODEL,
                "o/m",
                "pytorch_model.bin",
                "config.json",
                "model.safetensors",
                "model.fp16.safetensors",
                "consolidated.safetensors",
                "modeling_x.py",
                "onnx/model.onnx",
                "original/params.json",
                "tokenizer.json",
                "LICENSE",
                "chat_template.jinja",
                "additional_chat_templates/tool.jinja",
                "run.sh",
                "data.pkl",
                "m.gguf"))
        .containsExactly(
            "model.safetensors",
            "LICENSE",
            "additional_chat_templates/tool.jinja",
            "chat_template.jinja",
            "config.json",
            "tokenizer.json");
    assertThat(
            chosen(
                FileChoice.MODEL,
                "o/m",
                "model-00002-of-00002.safetensors",
                "model-00001-of-00002.safetensors",
                "consolidated.safetensors",
                "model.safetensors.index.json"))
        .containsExactly(
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json");
  }

  @Test
  void aGgufFileIsTheModelWhereItIsTheOnlyOneOrNamed() {
    assertThat(chosen(FileChoice.MODEL, "o/m", "m.gguf", "README.md"))
        .containsExactly("m.gguf", "README.md");
    assertThat(chosen(FileChoice.MODEL, "o/m", "m-00002-of-00002.gguf", "m-00001-of-00002.gguf"))
        .containsExactly("m-00001-of-00002.gguf", "m-00002-of-00002.gguf");
    assertThat(chosen(FileChoice.MODEL, "o/m/b.gguf", "a.gguf", "b.gguf", "model.safetensors"))
        .containsExactly("b.gguf");
    assertThatThrownBy(() -> chosen(FileChoice.MODEL, "o/m", "a.gguf", "b.gguf"))
        .isInstanceOf(InputException.class)
        .hasMessage("o/m holds 2 GGUF files; name one, as o/m/FILE.gguf: a.gguf, b.gguf");
    assertThatThrownBy(() -> chosen(FileChoice.MODEL, "o/m/c.gguf", "a.gguf"))
        .isInstanceOf(InputException.class)
        .hasMessage("o/m at main has no file 'c.gguf'; it has a.gguf");
  }

  @Test
  void picklesAreNotFetched() {
    assertThatThrownBy(() -> chosen(FileChoice.MODEL, "o/m", "config.json", "pytorch_model.bin"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("o/m holds neither safetensors nor GGUF; its weights are pickles");
  }

  @Test
  void anAdapterIsOneAndAModelIsNot() {
    assertThat(
            chosen(
                FileChoice.ADAPTER,
                "o/a",
                "adapter_config.json",
                "adapter_model.safetensors",
                "adapter_model.bin",
                "checkpoint-1/adapter_model.safetensors",
                "training_args.bin"))
        .containsExactly("adapter_model.safetensors", "adapter_config.json");
    assertThatThrownBy(() -> chosen(FileChoice.ADAPTER, "o/m", "config.json", "model.safetensors"))
        .isInstanceOf(InputException.class)
        .hasMessage("o/m holds no adapter: it has no adapter_config.json; it is a model");
  }

  @Test
  void rowsAreOneFileOrThoseOfAGlob() {
    String[] all = {"a/1.jsonl", "a/2.jsonl.gz", "b.parquet", "load.py", "[x].csv"};
    assertThat(chosen(FileChoice.DATA, "datasets/o/d/a/*", all))
        .containsExactly("a/1.jsonl", "a/2.jsonl.gz");
    assertThat(chosen(FileChoice.DATA, "datasets/o/d/[x].csv", all)).containsExactly("[x].csv");
    for (String wrong : List.of("datasets/o/d/load.py", "datasets/o/d/c.csv", "datasets/o/d")) {
      assertThatThrownBy(() -> chosen(FileChoice.DATA, wrong, all))
          .as(wrong)
          .isInstanceOf(InputException.class);
    }
  }
}
