package dev.nudge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// A tiny model whose template and tokens are those of OpenAI's harmony format, with channels.
public final class ChannelsModel {
  private static final String TEMPLATE =
      """
      {%- for m in messages -%}
      {%- if m.role == 'user' -%}
      {{- '<|start|>user<|message|>' ~ m.content ~ '<|end|>' -}}
      {%- else -%}
      {%- if m.thinking is defined -%}
      {{- '<|start|>a<|channel|>analysis<|message|>' ~ m.thinking ~ '<|end|>' -}}
      {%- endif -%}
      {{- '<|start|>a<|channel|>final<|message|>' ~ m.content -}}
      {{- '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' -}}
      {%- endif -%}
      {%- endfor -%}
      {%- if add_generation_prompt -%}<|start|>a{%- endif -%}
      """;

  /// Tokens of the tiny tokenizer, the last two of bytes that are not in UTF-8, and what they are
  /// here.
  private static final String[][] TOKENS = {
    {"<s>", "<|start|>"},
    {"</s>", "<|return|>"},
    {"<pad>", "<|channel|>"},
    {"ý", "<|message|>"},
    {"þ", "<|end|>"}
  };

  private ChannelsModel() {}

  /// Writes the model into a new folder.
  public static Path write(Path folder) throws IOException {
    Files.createDirectories(folder);
    for (String name : new String[] {"config.json", "model.safetensors"}) {
      Files.copy(Goldens.MODEL.resolve(name), folder.resolve(name));
    }
    String json =
        Files.readString(Goldens.MODEL.resolve("tokenizer.json"))
            .replaceFirst(
                "\"added_tokens\": *\\[",
                "\"added_tokens\": [" + special(188, "ý") + "," + special(189, "þ") + ",");
    for (String[] token : TOKENS) {
      json = json.replace('"' + token[0] + '"', '"' + token[1] + '"');
    }
    Files.writeString(folder.resolve("tokenizer.json"), json);
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"<|return|>\"}");
    Files.writeString(folder.resolve("chat_template.jinja"), TEMPLATE);
    return folder;
  }

  private static String special(int id, String token) {
    return """
    {"id": %d, "content": "%s", "single_word": false, "lstrip": false, "rstrip": false,
     "normalized": false, "special": true}
    """
        .formatted(id, token);
  }
}
