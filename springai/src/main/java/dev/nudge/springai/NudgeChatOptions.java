package dev.nudge.springai;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.model.tool.DefaultToolCallingChatOptions;
import org.springframework.ai.model.tool.StructuredOutputChatOptions;
import org.springframework.ai.tool.ToolCallback;

/// Spring AI's portable chat options, tools, and a JSON schema for structured output.
///
/// The model name selects an adapter: a name, a folder or a reference.
public final class NudgeChatOptions extends DefaultToolCallingChatOptions
    implements StructuredOutputChatOptions {
  private final @Nullable String outputSchema;
  private final @Nullable String toolChoice;
  private final @Nullable String client;
  private final @Nullable Map<String, Object> variables;

  private NudgeChatOptions(Builder from) {
    super(
        from.callbacks(),
        from.context(),
        from.model(),
        from.frequencyPenalty(),
        from.maxTokens(),
        from.presencePenalty(),
        from.stopSequences(),
        from.temperature(),
        from.topK(),
        from.topP());
    this.outputSchema = from.outputSchema;
    this.toolChoice = from.toolChoice;
    this.client = from.client;
    this.variables = from.variables;
  }

  /// Returns a builder without values.
  public static Builder builder() {
    return new Builder();
  }

  @Override
  public @Nullable String getOutputSchema() {
    return outputSchema;
  }

  /// Returns `auto`, `none`, `required` or the name of a tool that must be called; null: `auto`. No
  /// call is forced right after a tool result.
  public @Nullable String getToolChoice() {
    return toolChoice;
  }

  /// Returns the client for fair scheduling of waiting prompts; null: the anonymous one.
  public @Nullable String getClient() {
    return client;
  }

  /// Returns chat template variables, such as `enable_thinking`; null: none.
  public @Nullable Map<String, Object> getVariables() {
    return variables;
  }

  @Override
  public Builder mutate() {
    return builder()
        .model(getModel())
        .frequencyPenalty(getFrequencyPenalty())
        .maxTokens(getMaxTokens())
        .presencePenalty(getPresencePenalty())
        .stopSequences(getStopSequences())
        .temperature(getTemperature())
        .topK(getTopK())
        .topP(getTopP())
        .toolCallbacks(getToolCallbacks())
        .toolContext(getToolContext())
        .outputSchema(outputSchema)
        .toolChoice(toolChoice)
        .client(client)
        .variables(variables);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return super.equals(other)
        && other instanceof NudgeChatOptions o
        && Objects.equals(o.outputSchema, outputSchema)
        && Objects.equals(o.toolChoice, toolChoice)
        && Objects.equals(o.client, client)
        && Objects.equals(o.variables, variables);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), outputSchema, toolChoice, client, variables);
  }

  /// Builder of options.
  public static final class Builder extends DefaultToolCallingChatOptions.Builder<Builder>
      implements StructuredOutputChatOptions.Builder<Builder> {
    private @Nullable String outputSchema;
    private @Nullable String toolChoice;
    private @Nullable String client;
    private @Nullable Map<String, Object> variables;

    private Builder() {}

    /// Constrains answers to a JSON schema; null: unconstrained.
    @Override
    public Builder outputSchema(@Nullable String schema) {
      outputSchema = schema;
      return this;
    }

    /// Sets the tool choice: `auto`, `none`, `required` or a tool's name; null: `auto`.
    public Builder toolChoice(@Nullable String choice) {
      toolChoice = choice;
      return this;
    }

    /// Sets the client for fair scheduling of waiting prompts.
    public Builder client(@Nullable String name) {
      client = name;
      return this;
    }

    /// Sets chat template variables: texts, numbers, booleans, lists and maps.
    public Builder variables(@Nullable Map<String, Object> names) {
      variables = names == null ? null : Map.copyOf(names);
      return this;
    }

    @Override
    public Builder clone() {
      Builder copy = super.clone();
      copy.outputSchema = outputSchema;
      copy.toolChoice = toolChoice;
      copy.client = client;
      copy.variables = variables;
      return copy;
    }

    @Override
    public Builder combineWith(ChatOptions.Builder<?> other) {
      super.combineWith(other);
      if (!(other instanceof Builder)
          && other.build() instanceof StructuredOutputChatOptions structured
          && structured.getOutputSchema() != null) {
        outputSchema = structured.getOutputSchema();
      }
      if (other instanceof Builder own) {
        outputSchema = own.outputSchema == null ? outputSchema : own.outputSchema;
        toolChoice = own.toolChoice == null ? toolChoice : own.toolChoice;
        client = own.client == null ? client : own.client;
        variables = own.variables == null ? variables : own.variables;
      }
      return this;
    }

    @Override
    public NudgeChatOptions build() {
      return new NudgeChatOptions(this);
    }

    private List<ToolCallback> callbacks() {
      return toolCallbacks == null ? List.of() : toolCallbacks;
    }

    private Map<String, Object> context() {
      return toolContext == null ? Map.of() : toolContext;
    }

    private @Nullable String model() {
      return model;
    }

    private @Nullable Double frequencyPenalty() {
      return frequencyPenalty;
    }

    private @Nullable Integer maxTokens() {
      return maxTokens;
    }

    private @Nullable Double presencePenalty() {
      return presencePenalty;
    }

    private @Nullable List<String> stopSequences() {
      return stopSequences;
    }

    private @Nullable Double temperature() {
      return temperature;
    }

    private @Nullable Integer topK() {
      return topK;
    }

    private @Nullable Double topP() {
      return topP;
    }
  }
}
