"""How clients find a service, wherever it runs."""
