package dev.nudge.server;

import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Fields;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Reads an input field in OpenAI's forms: a text, texts, token ids, or lists of them.
final class TextField {
  private TextField() {}

  /// The token ids of each text.
  ///
  /// @throws ApiException if there is no text, or more than `most`
  static List<int[]> read(ServerContext shared, Fields fields, String name, int most) {
    JsonNode given = fields.node(name);
    if (given == null) {
      throw ApiException.missing(
          name, "'%s' is missing; give a text, or a list of token ids".formatted(name));
    }
    int vocabulary = shared.session().config().vocabSize();
    List<int[]> all = new ArrayList<>();
    if (!given.isArray()) {
      all.add(ids(shared, name, given));
    } else if (given.path(0).isNumber()) {
      all.add(tokens(name, given, vocabulary));
    } else {
      for (JsonNode one : given) {
        all.add(one.isArray() ? tokens(name, one, vocabulary) : ids(shared, name, one));
      }
    }
    if (all.isEmpty() || all.size() > most) {
      throw ApiException.wrong(
          name, "'%s' has %d %ss; 1 to %d may be".formatted(name, all.size(), name, most));
    }
    return all;
  }

  private static int[] ids(ServerContext shared, String name, JsonNode text) {
    if (!text.isString()) {
      throw Fields.wrong(name, text, "texts, or token ids");
    }
    return shared.ids(name, text.stringValue());
  }

  /// Reads token ids.
  static int[] tokens(String field, JsonNode list, int vocabulary) {
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = list.path(i);
      if (!id.isIntegralNumber() || !id.canConvertToInt()) {
        throw ApiException.wrong(
            field, "'%s' has tokens that are no whole numbers".formatted(field));
      }
      ids[i] = id.intValue();
      if (ids[i] < 0 || ids[i] >= vocabulary) {
        throw ApiException.wrong(
            field,
            "'%s' has token %d; the model has tokens 0 to %d"
                .formatted(field, ids[i], vocabulary - 1));
      }
    }
    return ids;
  }
}
