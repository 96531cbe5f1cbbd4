/// Contains the routes' HTTP exchange: request body, fields, errors in OpenAI's form, server- sent
/// events, connections.
///
/// It knows nothing about models and routes. Read `Exchange` first.
@NullMarked
package dev.nudge.server.http;

import org.jspecify.annotations.NullMarked;
