package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// The randomization unit of an experiment, usually a user.
///
/// @param value its identifier; null: no unit, so each request is assigned at random and excluded
///     from tests over units
public record Unit(@Nullable String value) {
  /// The absent unit.
  public static final Unit NONE = new Unit(null);

  /// Returns the unit of a request: the first identifier that is present.
  ///
  /// @param header the header `X-Experiment-Unit`
  /// @param user the body's `user`
  /// @param safetyIdentifier the body's `safety_identifier`, which replaces `user`
  /// @param apiKey the client's name, never the key; a unit only together with a conversation
  /// @param conversation identifies the requests of one conversation
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
        ? new Unit(apiKey + "\n" + conversation) // headers and key names have no line breaks
        : NONE;
  }

  private static boolean given(@Nullable String text) {
    return text != null && !text.isBlank();
  }
}
