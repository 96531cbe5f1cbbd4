package dev.nudge.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// LangChain4j's common request parameters, and those that only nudge has.
///
///     ChatRequest.builder()
///         .messages(messages)
///         .parameters(
///             NudgeChatRequestParameters.builder()
///                 .modelName("support")
///                 .client("acme")
///                 .variables(Map.of("enable_thinking", false))
///                 .build());
public final class NudgeChatRequestParameters extends DefaultChatRequestParameters {
  private final @Nullable String client;
  private final @Nullable Map<String, Object> variables;

  private NudgeChatRequestParameters(Builder from) {
    super(from);
    this.client = from.client;
    this.variables = from.variables;
  }

  /// Returns a builder without values.
  public static Builder builder() {
    return new Builder();
  }

  /// Converts common parameters; nudge's own are unset.
  static NudgeChatRequestParameters of(ChatRequestParameters parameters) {
    return parameters instanceof NudgeChatRequestParameters own
        ? own
        : builder().overrideWith(parameters).build();
  }

  /// Returns the client for fair scheduling of waiting requests; null: the anonymous one.
  public @Nullable String client() {
    return client;
  }

  /// Returns chat template variables, such as `enable_thinking`; null: none.
  public @Nullable Map<String, Object> variables() {
    return variables;
  }

  @Override
  public NudgeChatRequestParameters overrideWith(ChatRequestParameters other) {
    return builder().overrideWith(this).overrideWith(other).build();
  }

  @Override
  public NudgeChatRequestParameters defaultedBy(ChatRequestParameters other) {
    return builder().overrideWith(other).overrideWith(this).build();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return super.equals(other)
        && other instanceof NudgeChatRequestParameters o
        && Objects.equals(o.client, client)
        && Objects.equals(o.variables, variables);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), client, variables);
  }

  @Override
  public String toString() {
    return "%s, client %s, variables %s".formatted(super.toString(), client, variables);
  }

  /// Builder of parameters.
  public static final class Builder extends DefaultChatRequestParameters.Builder<Builder> {
    private @Nullable String client;
    private @Nullable Map<String, Object> variables;

    private Builder() {}

    /// Sets the client for fair scheduling of waiting requests.
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
    public Builder overrideWith(ChatRequestParameters other) {
      super.overrideWith(other);
      if (other instanceof NudgeChatRequestParameters own) {
        client = own.client == null ? client : own.client;
        variables = own.variables == null ? variables : own.variables;
      }
      return this;
    }

    @Override
    public NudgeChatRequestParameters build() {
      return new NudgeChatRequestParameters(this);
    }
  }
}
