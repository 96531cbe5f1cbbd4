package dev.nudge.langchain4j;

import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import org.jspecify.annotations.Nullable;

/// LangChain4j's common response metadata, with the digest of the adapter that answered and a
/// warning.
///
///     if (response.metadata() instanceof NudgeChatResponseMetadata own && own.warning() != null) {
///       log.warn(own.warning());
///     }
public final class NudgeChatResponseMetadata extends ChatResponseMetadata {
  private final @Nullable String adapter;
  private final @Nullable String warning;

  private NudgeChatResponseMetadata(Builder from) {
    super(from);
    this.adapter = from.adapter;
    this.warning = from.warning;
  }

  /// Returns the digest of the adapter that answered; null: the base model.
  public @Nullable String adapter() {
    return adapter;
  }

  /// Returns a warning, such as that the adapter was not trained on conversations; null: none.
  public @Nullable String warning() {
    return warning;
  }

  @Override
  public Builder toBuilder() {
    return ((Builder) toBuilder(new Builder())).adapter(adapter).warning(warning);
  }

  @Override
  public String toString() {
    return "%s, adapter = %s, warning = %s".formatted(super.toString(), adapter, warning);
  }

  /// Collects the values.
  static final class Builder extends ChatResponseMetadata.Builder<Builder> {
    private @Nullable String adapter;
    private @Nullable String warning;

    Builder adapter(@Nullable String digest) {
      adapter = digest;
      return this;
    }

    Builder warning(@Nullable String line) {
      warning = line;
      return this;
    }

    @Override
    public NudgeChatResponseMetadata build() {
      return new NudgeChatResponseMetadata(this);
    }
  }
}
