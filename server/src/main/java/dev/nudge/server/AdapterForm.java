package dev.nudge.server;

import dev.nudge.data.rows.RowPattern;
import dev.nudge.generate.AdapterPatterns;
import dev.nudge.identity.Identity;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Served;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The prompt format that an adapter was trained on, from its `nudge.json`: conversations, or
/// texts, possibly of a pattern over columns.
///
/// @param identity null: unknown, or the base
record AdapterForm(Served served, @Nullable Identity identity) {
  private static final String COLUMNS = "columns";

  static AdapterForm of(Served served) {
    return new AdapterForm(
        served, served.folder() == null ? null : Identity.read(served.folder(), true));
  }

  /// True if trained on conversations; null: unknown.
  @Nullable Boolean conversations() {
    return identity == null ? null : identity.conversations();
  }

  /// The pattern of its prompts; null: none, unknown or malformed.
  @Nullable RowPattern pattern() {
    String pattern = identity == null ? null : identity.pattern("prompt");
    try {
      return pattern == null ? null : RowPattern.parse("prompt", pattern);
    } catch (InputException e) {
      return null; // one malformed hand-written pattern must not fail a list of models
    }
  }

  /// Describes the route for this format; null: unknown.
  @Nullable String shown() {
    Boolean conversations = conversations();
    return conversations == null
        ? null
        : "adapter %s learned %s; ask %s"
            .formatted(served.name(), conversations ? "conversations" : "prompts", route());
  }

  private String route() {
    RowPattern pattern = pattern();
    return Boolean.TRUE.equals(conversations())
        ? "/v1/chat/completions"
        : pattern == null
            ? "/v1/completions"
            : "/v1/completions with 'columns' (%s)".formatted(named(pattern));
  }

  private static String named(RowPattern pattern) {
    return String.join(", ", pattern.columns());
  }

  /// Warns the client of a mismatched request format.
  ///
  /// @param spoken whether the request is a conversation
  void check(boolean spoken, Exchange exchange) {
    if (served.folder() != null) {
      AdapterPatterns.checkSpoken(
          spoken,
          served.shown(),
          served.folder(),
          true,
          line -> exchange.warn(line + "; ask " + route()));
    }
  }

  /// Fills the pattern with the field `columns`, an object or a list of objects.
  ///
  /// @throws ApiException if the adapter has no pattern, or a column is missing
  List<String> prompts(Fields fields, int most) {
    JsonNode given = fields.node(COLUMNS);
    RowPattern pattern = pattern();
    if (given == null || fields.has("prompt")) {
      throw ApiException.wrong(
          COLUMNS, "'columns' and 'prompt' are both given; leave one of them out");
    }
    if (pattern == null) {
      throw ApiException.wrong(
          COLUMNS,
          "'columns' fill the prompt pattern of an adapter, and '%s' has none; give 'prompt'"
              .formatted(served.asked()));
    }
    List<JsonNode> rows = given.isArray() ? List.copyOf(given.values()) : List.of(given);
    if (rows.isEmpty() || rows.size() > most) {
      throw ApiException.wrong(
          COLUMNS, "'columns' has %d rows; 1 to %d may be".formatted(rows.size(), most));
    }
    List<String> prompts = new ArrayList<>();
    for (JsonNode row : rows) {
      if (!row.isObject()) {
        throw Fields.wrong(
            COLUMNS, given, "an object of column names and texts, or a list of them");
      }
      try {
        prompts.add(pattern.fill(row.toString()));
      } catch (InputException e) {
        throw ApiException.wrong(
            COLUMNS,
            "'columns': %s; '%s' needs %s"
                .formatted(e.getMessage(), served.asked(), named(pattern)));
      }
    }
    return prompts;
  }
}
