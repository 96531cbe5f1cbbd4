package dev.nudge.server.http;

import dev.nudge.chat.FieldException;
import dev.nudge.settings.InputException;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Translates library errors for HTTP clients: flags become request fields, and advice about flags
/// without a field is dropped.
public final class Wording {
  private static final Pattern FLAG = Pattern.compile("--[a-z][a-z-]*");
  private static final Map<String, String> FIELDS = fields();

  private Wording() {}

  private static Map<String, String> fields() {
    Map<String, String> fields = new HashMap<>();
    Stream.of(
            "temperature top_p top_k min_p repetition_penalty presence_penalty frequency_penalty"
                .split(" "),
            "n seed stop max_tokens min_tokens logprobs top_logprobs logit_bias".split(" "))
        .flatMap(Stream::of)
        .forEach(field -> fields.put("--" + field.replace('_', '-'), field));
    fields.put("--stop-id", "stop_token_ids");
    return fields;
  }

  /// Returns the error for an invalid request value.
  public static ApiException wrong(InputException e) {
    Matcher flag = FLAG.matcher(String.valueOf(e.getMessage()));
    StringBuilder said = new StringBuilder();
    @Nullable String param = null;
    while (flag.find()) {
      String field = FIELDS.get(flag.group());
      param = flag.start() == 0 ? field : param;
      String shown = flag.group().equals("--max-length") ? "the model's length" : flag.group();
      flag.appendReplacement(said, field == null ? shown : field);
    }
    flag.appendTail(said);
    return ApiException.wrong(param, FieldException.withoutFlags(said.toString()));
  }
}
