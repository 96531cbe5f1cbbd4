package dev.nudge.text.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

class ChatTemplateTest {
  private static final String TALK =
      """
      [{"role": "system", "content": "S"}, {"role": "user", "content": "U"},
       {"role": "assistant", "content": "A"}, {"role": "user", "content": "V"}]
      """;

  @TempDir private Path folder;

  static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }

  static ArrayNode array(String text) {
    return (ArrayNode) json(text);
  }

  private void file(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private String render(@Nullable String named, String messages, @Nullable ArrayNode tools) {
    return ChatTemplate.load(folder, named).render(array(messages), tools, true, Map.of()).text();
  }

  @Test
  void aTemplateOfItsOwnFileComesFirst() throws IOException {
    file("tokenizer_config.json", "{\"chat_template\": \"of the config\"}");
    assertThat(render(null, TALK, null)).isEqualTo("of the config");
    file("chat_template.jinja", "of the file\n");
    assertThat(render(null, TALK, null)).isEqualTo("of the file");
  }

  @Test
  void namedTemplatesAreFoundAndToolsTakeTheirs() throws IOException {
    file(
        "tokenizer_config.json",
        """
        {"chat_template": [{"name": "default", "template": "usual"},
          {"name": "tool_use", "template": "tools"}, {"name": "rag", "template": "rag"}]}
        """);
    assertThat(render(null, TALK, null)).isEqualTo("usual");
    assertThat(render(null, TALK, array("[]"))).isEqualTo("tools");
    assertThat(render("rag", TALK, array("[]"))).isEqualTo("rag");
    file("chat_template.jinja", "file");
    file("additional_chat_templates/rag.jinja", "rag of a file");
    file("chat_templates/old.jinja", "old place");
    assertThat(render(null, TALK, array("[]"))).isEqualTo("file");
    assertThat(render("rag", TALK, null)).isEqualTo("rag of a file");
    assertThat(render("old", TALK, null)).isEqualTo("old place");
  }

  @Test
  void aFolderWithoutATemplateSaysWhatThereIs() throws IOException {
    assertThat(ChatTemplate.isIn(folder)).isFalse();
    assertThatThrownBy(() -> ChatTemplate.load(folder, null))
        .isInstanceOf(InputException.class)
        .hasMessage(
            folder
                + " has no chat template; name one by --template: a file, or alpaca, chatml, gemma,"
                + " llama3, mistral, vicuna, zephyr");
    assertThatThrownBy(() -> ChatTemplate.load(folder, "chatnl"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--template chatnl is no file and no template; there are alpaca,");
    file("chat_templates/rag.jinja", "x");
    assertThat(ChatTemplate.isIn(folder)).isTrue();
    assertThatThrownBy(() -> ChatTemplate.load(folder, null))
        .hasMessageEndingWith("none is the default; name one by --template: rag");
  }

  @Test
  void whatATemplateHoldsThatIsNotKnownIsRefusedWhenItIsLoaded() throws IOException {
    file("chat_template.jinja", "{% if a %}\n{{ x | frobnicate }}{% endif %}");
    assertThatThrownBy(() -> ChatTemplate.load(folder, null))
        .isInstanceOf(InputException.class)
        .hasMessage(
            folder.resolve("chat_template.jinja")
                + ", line 2: the filter 'frobnicate' is not known");
  }

  @Test
  void tokensThatTheTokenizerNamesAreGivenByName() throws IOException {
    file("special_tokens_map.json", "{\"bos_token\": \"<a>\", \"eos_token\": \"<b>\"}");
    file(
        "tokenizer_config.json",
        """
        {"eos_token": {"content": "<c>"}, "pad_token": null,
         "extra_special_tokens": {"image_token": "<i>"}}
        """);
    file("mine", "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ image_token }}");
    assertThat(render(folder.resolve("mine").toString(), TALK, null)).isEqualTo("<a><c>False<i>");
  }

  @Test
  void theTemplateSeesVariablesAndTheTimeButNotWhatIsTrained() throws IOException {
    file(
        "chat_template.jinja",
        "{{ enable_thinking }} {{ strftime_now('%Y-%m') }} {{ messages | tojson }} {{ tools }}");
    Rendered rendered =
        ChatTemplate.load(folder, null)
            .withTime(LocalDateTime.of(2024, 2, 3, 4, 5))
            .render(
                array(
                    """
                    [{"role": "user", "content": null, "train": false, "weight": 0.5, "x": 1}]
                    """),
                null,
                false,
                Map.of("enable_thinking", json("false")));
    assertThat(rendered.text()).isEqualTo("False 2024-02 [{\"role\": \"user\", \"x\": 1}] None");
  }

  @Test
  void theDigestIsThatOfItsText() throws IOException {
    file("chat_template.jinja", "{{ 'ä' }}");
    ChatTemplate template = ChatTemplate.load(folder, null);
    byte[] bytes = "{{ 'ä' }}".getBytes(StandardCharsets.UTF_8);
    assertThat(template.digest()).isEqualTo(Sha256.of(bytes)).startsWith("sha256:");
    assertThat(template.text()).isEqualTo("{{ 'ä' }}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      value = {
        "[] => a conversation has at least one message, and this one has none",
        "[1] => message 0 of the conversation is no object",
        "[{\"role\": \"critic\", \"content\": \"a\"}] => the template mistral, line 19: the"
            + " template refuses: the template mistral has no role critic",
      })
  void aConversationThatIsNoneIsRefusedInOneLine(String messages, String message) {
    assertThatThrownBy(() -> render("mistral", messages, null))
        .isInstanceOf(ChatException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      value = {
        "alpaca => <s>S\\n\\n### Instruction:\\nU\\n\\n### Response:\\nA</s>\\n\\n"
            + "### Instruction:\\nV\\n\\n### Response:\\n",
        "chatml => <|im_start|>system\\nS<|im_end|>\\n<|im_start|>user\\nU<|im_end|>\\n"
            + "<|im_start|>assistant\\nA<|im_end|>\\n<|im_start|>user\\nV<|im_end|>\\n"
            + "<|im_start|>assistant\\n",
        "gemma => <s><start_of_turn>user\\nS\\n\\nU<end_of_turn>\\n<start_of_turn>model\\n"
            + "A<end_of_turn>\\n<start_of_turn>user\\nV<end_of_turn>\\n<start_of_turn>model\\n",
        "llama3 => <s><|start_header_id|>system<|end_header_id|>\\n\\nS<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\\n\\nU<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\\n\\nA<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\\n\\nV<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\\n\\n",
        "mistral => <s>[INST] S\\n\\nU [/INST] A</s>[INST] V [/INST]",
        "vicuna => <s>S\\n\\nUSER: U\\nASSISTANT: A</s>\\nUSER: V\\nASSISTANT:",
        "zephyr => <|system|>\\nS</s>\\n<|user|>\\nU</s>\\n<|assistant|>\\nA</s>\\n"
            + "<|user|>\\nV</s>\\n<|assistant|>\\n",
      })
  void aKnownTemplateNeedsNoFile(String name, String expected) throws IOException {
    file("tokenizer_config.json", "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
    assertThat(render(name, TALK, null)).isEqualTo(expected.replace("\\n", "\n"));
    Trained trained =
        Trained.of(ChatTemplate.load(folder, name), array(TALK), null, Map.of(), TrainOn.ASSISTANT);
    assertThat(trained.ranges()).hasSize(1);
    Trained.Range range = trained.ranges().getFirst();
    assertThat(trained.rendered().text().substring(range.start(), range.end()).strip())
        .matches("A(</s>|<\\|im_end\\|>|<end_of_turn>|<\\|eot_id\\|>)");
  }
}
