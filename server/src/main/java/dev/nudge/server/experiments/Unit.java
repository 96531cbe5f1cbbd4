package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// Who is assigned to an arm and stays there: mostly a user.
///
/// @param value what identifies it; null: nobody, so each request is assigned by chance and counts
///     in no test over units
public record Unit(@Nullable String value) {
  /// A request of nobody in particular.
  public static final Unit NONE = new Unit(null);

  /// The unit of a request: the first of these that it has.
  ///
  /// @param header `X-Experiment-Unit`
  /// @param user the body's `user`
  /// @param safetyIdentifier the body's `safety_identifier`, which replaces `user`
  /// @param apiKey the key's name, never the key; together with a conversation it is a unit
  /// @param conversation what the requests of one conversation have in common
  public static Unit of(
      @Nullable String header,
      @Nullable String user,
      @Nullable String safetyIdentifier,
      @Nullable String apiKey,
      @Nullable String conversation) {
    if (given(header)) {
      return new Unit(header);
    } else if (given(user)) {
      return new Unit(user);
    } else if (given(safetyIdentifier)) {
      return new Unit(safetyIdentifier);
    }
    return given(apiKey) && given(conversation)
        ? new Unit(apiKey + "\n" + conversation) // no header and no name of a key has a line break
        : NONE;
  }

  private static boolean given(@Nullable String text) {
    return text != null && !text.isBlank();
  }
}
