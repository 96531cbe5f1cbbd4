package dev.nudge.text.chat;

import java.util.Map;
import java.util.TreeMap;

/// The built-in templates that `--template` names: short, of common formats, for a base model
/// without a template. Those with `<|…|>` or `<…_of_turn>` need a tokenizer that has these tokens.
final class KnownTemplates {
  private static final String SYSTEM_OF_FIRST_USER =
      """
      {%- set system = messages[0].content if messages[0].role == 'system' else '' -%}
      {%- set turns = messages[1:] if messages[0].role == 'system' else messages -%}
      """;

  /// Refuses parts of messages that these templates would omit or print as Python objects.
  private static final String GUARD =
      """
      {%- if tools -%}{{ raise_exception('the template NAME knows no tools; --template FILE names one that does') }}{%- endif -%}
      {%- for message in messages -%}
      {%- if message.tool_calls or message.role == 'tool' -%}
      {{ raise_exception('the template NAME knows no tools; --template FILE names one that does') }}
      {%- elif message.content is not string -%}
      {{ raise_exception('the template NAME takes contents that are one text') }}
      {%- endif -%}
      {%- endfor -%}
      """;

  private static final Map<String, String> PLAIN =
      new TreeMap<>(
          Map.of(
              "chatml",
              """
              {%- for message in messages -%}
              {{ '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' }}
              {%- endfor -%}
              {%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}
              """,
              "llama3",
              """
              {{- bos_token -}}
              {%- for message in messages -%}
              {{ '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\\n\\n' }}
              {{- message.content | trim ~ '<|eot_id|>' }}
              {%- endfor -%}
              {%- if add_generation_prompt -%}
              {{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
              {%- endif -%}
              """,
              "mistral",
              SYSTEM_OF_FIRST_USER
                  + """
                  {{- bos_token -}}
                  {%- for message in turns -%}
                  {%- if message.role == 'user' -%}
                  {{ '[INST] ' ~ (system ~ '\\n\\n' if system and loop.first else '') }}
                  {{- message.content ~ ' [/INST]' }}
                  {%- elif message.role == 'assistant' -%}
                  {{ ' ' ~ message.content ~ eos_token }}
                  {%- else -%}
                  {{ raise_exception('the template mistral has no role ' ~ message.role) }}
                  {%- endif -%}
                  {%- endfor -%}
                  """,
              "gemma",
              SYSTEM_OF_FIRST_USER
                  + """
                  {{- bos_token -}}
                  {%- for message in turns -%}
                  {%- set role = 'model' if message.role == 'assistant' else message.role -%}
                  {{ '<start_of_turn>' ~ role ~ '\\n' }}
                  {{- system ~ '\\n\\n' if system and loop.first else '' }}
                  {{- message.content | trim ~ '<end_of_turn>\\n' }}
                  {%- endfor -%}
                  {%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}
                  """,
              "zephyr",
              """
              {%- for message in messages -%}
              {{ '<|' ~ message.role ~ '|>\\n' ~ message.content ~ eos_token ~ '\\n' }}
              {%- endfor -%}
              {%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}
              """,
              "alpaca",
              SYSTEM_OF_FIRST_USER
                  + """
                  {{- bos_token -}}
                  {{ (system or 'Below is an instruction that describes a task. Write a response that \
                  appropriately completes the request.') ~ '\\n\\n' }}
                  {%- for message in turns -%}
                  {%- if message.role == 'user' -%}
                  {{ '### Instruction:\\n' ~ message.content ~ '\\n\\n' }}
                  {%- elif message.role == 'assistant' -%}
                  {{ '### Response:\\n' ~ message.content ~ eos_token }}
                  {{- '' if loop.last else '\\n\\n' }}
                  {%- else -%}
                  {{ raise_exception('the template alpaca has no role ' ~ message.role) }}
                  {%- endif -%}
                  {%- endfor -%}
                  {%- if add_generation_prompt -%}{{ '### Response:\\n' }}{%- endif -%}
                  """,
              "vicuna",
              SYSTEM_OF_FIRST_USER
                  + """
                  {{- bos_token -}}
                  {{ system ~ '\\n\\n' if system else '' }}
                  {%- for message in turns -%}
                  {%- if message.role == 'user' -%}
                  {{ 'USER: ' ~ message.content ~ '\\n' }}
                  {%- elif message.role == 'assistant' -%}
                  {{ 'ASSISTANT: ' ~ message.content ~ eos_token ~ '\\n' }}
                  {%- else -%}
                  {{ raise_exception('the template vicuna has no role ' ~ message.role) }}
                  {%- endif -%}
                  {%- endfor -%}
                  {%- if add_generation_prompt -%}{{ 'ASSISTANT:' }}{%- endif -%}
                  """));

  static final Map<String, String> ALL = guarded();

  private static Map<String, String> guarded() {
    Map<String, String> all = new TreeMap<>(PLAIN);
    all.replaceAll((name, template) -> GUARD.replace("NAME", name) + template);
    return all;
  }

  private KnownTemplates() {}
}
