"""The page: the flow matrix in a browser, served by a worker or by `flowmatrix page`.

Its documents are one file each; what a browser loads is in `static/`, the contract of its views at
the head of `static/app.js`.
"""
