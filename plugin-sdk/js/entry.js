/** The module that a component is made of: the author's plugin, held out to the host. */

import { guest } from "skyloom/guest.js";

import plugin from "./plugin.js";

export const node = guest(plugin);
