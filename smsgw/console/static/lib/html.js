// The one place that knows where elements and state come from.
export {
  html, h, render, Component, createContext, useState, useReducer, useEffect, useLayoutEffect, useRef, useMemo,
  useCallback, useContext,
} from "../vendor/htm-preact.js";
